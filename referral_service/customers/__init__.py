"""The people. Personal data lives here and nowhere else."""

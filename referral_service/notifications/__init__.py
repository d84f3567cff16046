"""The rows that announce each state change, and their positions."""

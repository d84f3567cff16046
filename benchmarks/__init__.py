"""Each hot path beside its floor, measured in one run: `make bench`. The only place where speed is claimed."""

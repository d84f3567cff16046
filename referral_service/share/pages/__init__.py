"""What every page has in common: its frame, its files, its headers."""

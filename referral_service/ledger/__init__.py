"""Append-only double entry: accounts, lots, balances."""

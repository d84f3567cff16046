"""What messages the records of each provider's exports stand for: one file for each provider, pure."""

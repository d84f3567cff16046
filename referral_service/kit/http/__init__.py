"""The HTTP edge that every room shares: parsing, transactions, problems, limits. No word of the domain."""

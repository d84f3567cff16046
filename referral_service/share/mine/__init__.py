"""A customer's own page: what to share, who has come of it, and what it has brought."""

"""Where the app wants its notifications: addresses, filters, secrets, and whether they work."""

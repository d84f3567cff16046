"""A provider's exported orders, read from a file and taken in as its webhooks would have been."""

"""The HTTP client of our webhooks, which never calls into our own network, and the signature it sends."""

"""Each notification on its way to each endpoint: planned, claimed, sent, settled."""

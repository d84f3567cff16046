"""Use cases that cross rooms: claim, record events, expire, explain."""

"""Those who wait: for a turn, for each other, or on a thread that goes on without them."""

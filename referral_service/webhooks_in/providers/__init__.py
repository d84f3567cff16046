"""What each provider's webhooks look like; one file per provider behind one shape."""

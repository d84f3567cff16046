"""Share links: verify, record, redirect; link-preview bots."""

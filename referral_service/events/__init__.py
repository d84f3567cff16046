"""Facts that come in: purchases and their aliases, refunds, disputes, custom events."""

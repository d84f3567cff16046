"""Sources, and what arrives from them; one file per provider."""

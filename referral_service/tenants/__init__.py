"""Apps, API keys and their scopes, request authentication, the test clock."""

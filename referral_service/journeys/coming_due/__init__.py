"""What time brings about, for the worker and for a test clock that is moved."""

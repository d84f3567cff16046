"""Engines, sessions and column types. Nothing here knows a word of the domain."""

"""The two scripts that an app's own pages load, each served per program with that program's settings."""

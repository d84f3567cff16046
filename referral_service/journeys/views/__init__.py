"""The journeys over HTTP."""

"""Programs, their versioned terms, recipes."""

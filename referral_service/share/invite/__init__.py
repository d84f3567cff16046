"""What a friend sees: the invite page, its preview image, and the page for typed codes."""

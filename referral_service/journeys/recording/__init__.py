"""Facts come in: found under all their names, and recorded."""

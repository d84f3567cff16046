"""The terms document read strictly: every field of a known type, range and length, every default filled in."""

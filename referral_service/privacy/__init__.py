"""Erasure: it concerns every room, so it stands above them."""

"""Batches that begin behind one another: what the one before has done is not walked past again.

An index over what is left to do still holds what was done until it is vacuumed, and a batch that began at the front
would read all of it: the time of many batches would grow with their square.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key")


class Batch(NamedTuple, Generic[Key]):
    """How many rows a batch did something to, and the key of the last it looked at: None where none are behind it."""

    done: int
    last: Key | None

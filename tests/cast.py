"""Who appears in the tests: Alice refers, Bob is referred, Mallory cheats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# The moment at which every test begins.
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the app."""

    customer_id: str
    email: str
    display_name: str

    def document(self) -> dict[str, Any]:
        """Return the person as a claim's `referee` is written."""
        return {"customer_id": self.customer_id, "email": self.email}


ALICE = Person("alice", "alice@example.com", "Alice")
BOB = Person("bob", "bob@example.com", "Bob")
CAROL = Person("carol", "carol@example.com", "Carol")
MALLORY = Person("mallory", "mallory@example.com", "Mallory")

"""Where a source's signing secret comes from: most providers show one, or let the shop choose it; else we make it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


class UnusableSecret(ValueError):
    """A secret that the provider cannot have given out; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """Known at the provider, and copied here. `must_be` tells people what to copy."""

    pattern: re.Pattern[str]
    must_be: str

    def check(self, secret: str) -> None:
        """Raise UnusableSecret for a text that cannot be this provider's secret."""
        if not self.pattern.fullmatch(secret):
            raise UnusableSecret(self.must_be)


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """Made here, shown once, and taken over by the sender."""

    make: Callable[[], str]


Secret: TypeAlias = GivenSecret | MadeSecret

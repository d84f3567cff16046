"""What the fixtures of this folder give, as types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from referral_service.customers.profile import CustomerRecord

# Puts a customer in a transaction of its own, and says whether they are new.
Put = Callable[..., tuple[CustomerRecord, bool]]
# Reads every customer's row as the database has it.
Rows = Callable[[], list[dict[str, Any]]]

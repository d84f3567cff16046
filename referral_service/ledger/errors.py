"""What can go wrong in the books."""

from __future__ import annotations

from referral_service.kit.errors import Problem


class LedgerMisuse(Exception):
    """The caller asked for what cannot be: a fault of the program, never of what was sent to it. Nothing is kept."""


class UnbalancedEntry(LedgerMisuse):
    """The postings of an entry do not sum to zero in every unit, or one of them moves nothing."""


class InsufficientBalance(Problem):
    code, status = "insufficient_balance", 409
    title = "The customer's balance is too small for this."
    remedy = "Read the customer's balances and ask for no more than is available. Nothing was changed."

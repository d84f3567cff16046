"""Amend: an earlier purchase takes a held reward over; the old amount is reversed and the new one given."""

from __future__ import annotations

from referral_service.ledger.accounts import EXPENSE, PENDING
from referral_service.ledger.book import Book, customer_leg, program_leg
from referral_service.ledger.moves import Amend, Recorded


def amend(book: Book, move: Amend) -> Recorded:
    """Enter the reversal of `previous` and the grant of `amount` as one transaction."""
    if move.previous != move.amount:
        book.enter(
            "amend",
            move,
            (
                customer_leg(move, PENDING, -move.previous),
                program_leg(move, EXPENSE, move.previous),
                program_leg(move, EXPENSE, -move.amount),
                customer_leg(move, PENDING, move.amount),
            ),
        )
    return Recorded(reward_id=move.reward_id)

"""Void: what is held is taken back, in part or whole."""

from __future__ import annotations

from referral_service.ledger.accounts import EXPENSE, PENDING
from referral_service.ledger.book import Book, customer_leg, program_leg
from referral_service.ledger.moves import Recorded, Void


def void(book: Book, move: Void) -> Recorded:
    """Enter the reverse of a grant, of this amount."""
    book.enter("void", move, (customer_leg(move, PENDING, -move.amount), program_leg(move, EXPENSE, move.amount)))
    return Recorded(reward_id=move.reward_id)

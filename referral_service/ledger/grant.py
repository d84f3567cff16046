"""Grant: the program gives, and the recipient holds it as pending."""

from __future__ import annotations

from referral_service.ledger.accounts import EXPENSE, PENDING
from referral_service.ledger.book import Book, customer_leg, program_leg
from referral_service.ledger.moves import Grant, Recorded


def grant(book: Book, move: Grant) -> Recorded:
    """Enter the grant. Its number is 1 without a look: a second one for the same reward cannot be written."""
    book.enter("grant", move, (program_leg(move, EXPENSE, -move.amount), customer_leg(move, PENDING, move.amount)))
    return Recorded(reward_id=move.reward_id)

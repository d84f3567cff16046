"""Release: what was held becomes a lot that can be spent, less what the customer owes."""

from __future__ import annotations

from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import AVAILABLE, DEBT, PENDING
from referral_service.ledger.book import Book, customer_leg
from referral_service.ledger.entries import LotOpening
from referral_service.ledger.moves import Recorded, Release


def release(book: Book, move: Release) -> Recorded:
    """Enter the release, open the lot with the whole amount, and pay the debt in this unit out of it at once."""
    if move.amount == 0:
        return Recorded(reward_id=move.reward_id)
    paid = min(move.amount, book.wallet(move.wallet).owed)
    book.enter(
        "release",
        move,
        (
            customer_leg(move, PENDING, -move.amount),
            customer_leg(move, AVAILABLE, move.amount),
            customer_leg(move, AVAILABLE, -paid),
            customer_leg(move, DEBT, paid),
        ),
        opens=LotOpening(
            id=new_id("lot"),
            origin=move.reward_id,
            payer=move.program_id,
            customer_id=move.recipient_id,
            unit=move.unit,
            granted=move.amount,
            expires_at=move.expires_at,
        ),
        lot_change=-paid,
    )
    return Recorded(reward_id=move.reward_id, lot_rest=move.amount - paid)

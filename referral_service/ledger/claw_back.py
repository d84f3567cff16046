"""Claw back: take back what was released; first what is left, then what had expired, then what was spent."""

from __future__ import annotations

from referral_service.ledger.accounts import AVAILABLE, DEBT, EXPENSE, EXPIRED, WRITTEN_OFF
from referral_service.ledger.book import Book, OpenLot, Taken, customer_leg, program_leg
from referral_service.ledger.errors import LedgerMisuse
from referral_service.ledger.moves import ClawBack, Recorded, SpentPolicy, Split


def claw_back(book: Book, move: ClawBack) -> Recorded:
    """Enter the claw-back and say how it was split.

    Raises LedgerMisuse where more is asked for than was released and not yet taken back.
    """
    lot = book.lots.get(move.reward_id)
    if move.amount == 0:
        return Recorded(reward_id=move.reward_id, split=Split(), lot_rest=lot.rest if lot else None)
    taken = book.taken_of(move.reward_id)
    if lot is None or move.amount > lot.granted - taken.total:
        raise LedgerMisuse(f"{move.reward_id} has less than {move.amount} to claw back")
    split = split_claw_back(move.amount, lot=lot, taken=taken, spent_policy=move.spent_policy)
    book.enter(
        "claw_back",
        move,
        (
            customer_leg(move, AVAILABLE, -split.lot),
            program_leg(move, EXPIRED, -split.expired),
            customer_leg(move, DEBT, -split.debt),
            program_leg(move, WRITTEN_OFF, -split.written_off),
            program_leg(move, EXPENSE, split.total),
        ),
        lot_change=-split.lot,
    )
    taken.take(split)
    return Recorded(reward_id=move.reward_id, split=split, lot_rest=lot.rest)


def split_claw_back(amount: int, *, lot: OpenLot, taken: Taken, spent_policy: SpentPolicy) -> Split:
    """Divide an amount by where it is to be found. Nobody is charged for what had expired."""
    from_lot = min(amount, lot.rest)
    expired = min(amount - from_lot, lot.lapsed - taken.expired)
    spent = amount - from_lot - expired
    if spent_policy == "write_off":
        return Split(lot=from_lot, expired=expired, written_off=spent)
    return Split(lot=from_lot, expired=expired, debt=spent)

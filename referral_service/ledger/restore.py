"""Restore: a dispute was won, and what was taken back is given again where it came from."""

from __future__ import annotations

from referral_service.ledger.accounts import AVAILABLE, DEBT, EXPENSE, EXPIRED, PENDING, WRITTEN_OFF
from referral_service.ledger.book import Book, Taken, customer_leg, program_leg
from referral_service.ledger.errors import LedgerMisuse
from referral_service.ledger.moves import Recorded, Restore, Split


def restore(book: Book, move: Restore) -> Recorded:
    """Enter the restore: into what is pending before the release, after it by the parts of the claw-backs.

    Raises LedgerMisuse where more is asked for than claw-backs have taken.
    """
    lot = book.lots.get(move.reward_id)
    if move.amount == 0:
        return Recorded(reward_id=move.reward_id, split=Split() if lot else None, lot_rest=lot.rest if lot else None)
    if lot is None:
        book.enter(
            "restore", move, (program_leg(move, EXPENSE, -move.amount), customer_leg(move, PENDING, move.amount))
        )
        return Recorded(reward_id=move.reward_id)
    taken = book.taken_of(move.reward_id)
    if move.amount > taken.total:
        raise LedgerMisuse(f"less than {move.amount} was clawed back of {move.reward_id}")
    split = split_restore(move.amount, taken=taken, owed=book.wallet(move.wallet).owed)
    book.enter(
        "restore",
        move,
        (
            program_leg(move, EXPENSE, -split.total),
            program_leg(move, WRITTEN_OFF, split.written_off),
            customer_leg(move, DEBT, split.debt),
            program_leg(move, EXPIRED, split.expired),
            customer_leg(move, AVAILABLE, split.lot),
        ),
        lot_change=split.lot,
    )
    taken.give_back(split)
    return Recorded(reward_id=move.reward_id, split=split, lot_rest=lot.rest)


def split_restore(amount: int, *, taken: Taken, owed: int) -> Split:
    """Divide an amount in the opposite order of a claw-back.

    A debt that later releases have repaid meanwhile was paid with the customer's own credit: that part goes into the
    lot, as if the repayment were given back.
    """
    written_off = min(amount, taken.written_off)
    charged = min(amount - written_off, taken.debt)
    debt = min(charged, owed)
    expired = min(amount - written_off - charged, taken.expired)
    return Split(lot=amount - written_off - debt - expired, expired=expired, debt=debt, written_off=written_off)

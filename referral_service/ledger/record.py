"""Record what happens to rewards: the one door through which `rewards/` and `journeys/` reach the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.ledger.accounts import EXPENSE, AccountKey
from referral_service.ledger.amend import amend
from referral_service.ledger.book import Book
from referral_service.ledger.claw_back import claw_back
from referral_service.ledger.grant import grant
from referral_service.ledger.history import read_lots, read_numbers
from referral_service.ledger.moves import Amend, ClawBack, Grant, Move, Recorded, Release, Restore, Void
from referral_service.ledger.post import open_wallets, post
from referral_service.ledger.release import release
from referral_service.ledger.restore import restore
from referral_service.ledger.void import void


def record(session: Session, *, app_id: int, moves: Sequence[Move], now: datetime) -> list[Recorded]:
    """Enter `moves` in their order and return what became of each, in the same order; `now` is business time.

    One call for everything a transaction does to the books: the wallets are then locked in one order, and a grant
    with its release costs seven statements however many there are. The caller holds the rows of the rewards, and has
    made sure by them that a move is due; the books refuse by IntegrityError what was granted or released before, and
    by LedgerMisuse what cannot be.
    """
    # A zero reward opens no account either.
    telling = [move for move in moves if move.amount or isinstance(move, Amend)]
    held = open_wallets(
        session,
        app_id=app_id,
        keys={move.wallet for move in telling},
        others={AccountKey(move.program_id, EXPENSE, move.unit) for move in telling},
        now=now,
    )
    book = Book(held.wallets)
    # What is granted or released happens once: its number is 1, and nothing about it needs to be read.
    repeatable = sorted({move.reward_id for move in telling if not isinstance(move, Grant | Release)})
    if repeatable:
        book.last_seq = read_numbers(session, app_id=app_id, subjects=repeatable)
    released = sorted({move.reward_id for move in moves if isinstance(move, ClawBack | Restore)})
    if released:
        read_lots(session, app_id=app_id, book=book, reward_ids=released)
    outcomes = [_enter(book, move) for move in moves]
    post(session, app_id=app_id, entries=book.entries, held=held, now=now)
    return outcomes


def _enter(book: Book, move: Move) -> Recorded:
    match move:
        case Grant():
            return grant(book, move)
        case Amend():
            return amend(book, move)
        case Void():
            return void(book, move)
        case Release():
            return release(book, move)
        case ClawBack():
            return claw_back(book, move)
        case Restore():
            return restore(book, move)

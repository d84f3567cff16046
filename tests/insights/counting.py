"""The worker counting, as much or as little as a test wants, and a recount of the rows by other means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from builders import Api, expect
from referral_service.doctor.run import examine
from referral_service.insights.tally_changes import tally_changes
from referral_service.insights.tally_conversions import tally_conversions
from referral_service.insights.tally_ranks import tally_ranks
from referral_service.kit.clock import Clock
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.engines import Database
from referral_service.notifications.place import place_notifications

TALLIES: tuple[Callable[..., int | Batch[Any]], ...] = (tally_changes, tally_conversions, tally_ranks)
# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"
# All that a test does lies within so many days of its noon.
SPAN = {"from": "2026-01-01", "to": "2026-12-31"}

_CLAIMS = "SELECT claimed_at AS at, '' AS state FROM referrals WHERE program_id = :program AND NOT is_refused_claim"
_CONVERSIONS = (
    "SELECT v.occurred_at AS at, v.state FROM conversions v JOIN referrals r ON r.app_id = v.app_id "
    "AND r.id = v.referral_id WHERE r.program_id = :program"
)
_REWARDS = "SELECT created_at AS at, state FROM rewards WHERE program_id = :program"


class Worker:
    """Does by hand what the worker does for one app."""

    def __init__(self, database: Database, app_id: int) -> None:
        self.database, self.app_id = database, app_id

    def place(self) -> None:
        self.database.transact(lambda session: place_notifications(session, app_id=self.app_id))

    def count(self, *, limit: int = 1000, turns: int | None = None) -> int:
        """Let each tally take so many turns, or as many as there are; gives how much was counted."""
        done = 0
        for tally in TALLIES:
            work = partial(tally, app_id=self.app_id, limit=limit)
            for _ in count() if turns is None else range(turns):
                did = self.database.transact(work)
                if not isinstance(did, Batch):
                    done += did
                    if not did:
                        break
                    continue
                done += did.done
                if did.last is None:
                    break
                work = partial(work, after=did.last)
        return done

    def work(self) -> None:
        self.place()
        self.count()

    def is_idle(self) -> bool:
        return self.count() == 0


def stats_of(api: Api, program_id: str, **span: str) -> dict[str, Any]:
    """The part of the answer that was not counted from clicks."""
    told = expect(api.get(f"/v1/programs/{program_id}/stats", **(span or SPAN)), 200)
    return {name: value for name, value in told.items() if name not in ("clicks", "by_channel")}


def recounted(database: Database, program_id: str) -> dict[str, Any]:
    """The same from the rows themselves, one by one."""

    def rows(sql: str) -> list[tuple[str, str]]:
        def read(session: Session) -> list[tuple[str, str]]:
            return [(str(row.at)[:10], row.state) for row in session.execute(text(sql), {"program": program_id})]

        return database.read(read)

    claims, conversions, rewards = rows(_CLAIMS), rows(_CONVERSIONS), rows(_REWARDS)
    claimed, converted = (Counter(day for day, _ in found) for found in (claims, conversions))
    return {
        "claims": len(claims),
        "conversions": len(conversions),
        "reversed": sum(state == "reversed" for _, state in conversions),
        "rewards": dict(Counter(state for _, state in rewards)),
        "by_day": [
            {"day": day, "clicks": 0, "claims": claimed[day], "conversions": converted[day]}
            for day in sorted(claimed | converted)
        ],
    }


def faults(database: Database, clock: Clock) -> list[str]:
    """What the doctor finds."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    checks = [check for check in report.checks if check.invariant != ON_ANY_SERVER]
    return [f"{check.invariant} {each.object_id}: {each.says}" for check in checks for each in check.violations]

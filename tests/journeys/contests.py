"""A contest to be played: people bring friends, time passes, the worker comes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, expect, items
from cast import NOON, Person
from referral_service.doctor.run import examine
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

DAY = timedelta(days=1)
END = NOON + 30 * DAY
DAVE = Person("dave", "dave@example.com", "Dave")
# The PostgreSQL of the tests runs without fsync, which I15 rightly names.
ON_ANY_SERVER = "I15"


def credit(rank: int, amount_minor: int) -> dict[str, Any]:
    return {"rank": rank, "give": {"kind": "credit", "amount_minor": amount_minor}}


PRIZES = [credit(1, 50000), credit(2, 25000), credit(3, 10000)]


class Contest:
    """A program of thirty days, with prizes for the first three."""

    def __init__(self, database: Database, api: Api, clock: FixedClock, app_id: int, **terms: Any) -> None:
        self.database, self.api, self.clock, self.app_id = database, api, clock, app_id
        schedule = {"starts_at": None, "ends_at": format_rfc3339(END), "sunset_days": 10}
        self.program = a_program(api, **{"rewards": [], "prizes": PRIZES, "schedule": schedule} | terms)
        self.numbers = count(1)

    def brings(self, referrer: Person, friends: int, *, at: datetime | None = None) -> None:
        """This many friends of the referrer buy."""
        a_customer(self.api, referrer)
        code = a_code(self.api, self.program, referrer=referrer)
        for _ in range(friends):
            n = next(self.numbers)
            friend = Person(f"f{n}", f"f{n}@example.com", f"F{n}")
            a_claim(self.api, code, referee=friend)
            a_purchase(self.api, customer=friend, order_id=f"o-f{n}", at=at)

    def until(self, moment: datetime) -> int:
        """Let time pass, and the worker come."""
        self.clock.advance(moment - self.clock.now())
        return run_due(self.database, clock=self.clock)

    def read(self) -> Any:
        return expect(self.api.get(f"/v1/programs/{self.program['id']}"), 200)

    def prizes(self) -> dict[str, tuple[int, str]]:
        """What each winner got, and what became of it."""
        found = items(self.api, "/v1/rewards", program_id=self.program["id"])
        assert all((it["key"], it["side"], it["referral_id"]) == ("prize", "referrer", None) for it in found)
        assert len({it["customer_id"] for it in found}) == len(found)
        return {it["customer_id"]: (it["amount"]["amount_minor"], it["state"]) for it in found}

    def available(self, person: Person) -> int:
        found = expect(self.api.get(f"/v1/customers/{person.customer_id}/balances"), 200)["items"]
        return sum(int(item["available"]) for item in found)

    def is_in_order(self) -> None:
        report = self.database.read(lambda session: examine(session, settings=None, now=self.clock.now()))
        said = [(check.invariant, check.violations) for check in report.checks if not check.ok]
        assert [it for it in said if it[0] != ON_ANY_SERVER] == []

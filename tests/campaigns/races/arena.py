"""Where races are run: threads that start at the same instant, each with its own client, in one app of the service."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Event
from time import sleep
from typing import Any

from flask import Flask

from builders import Api, a_code, a_customer, a_program, expect, items
from cast import ALICE, Person
from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.worker import work_off

RUNNERS = 8
WAIT_SECONDS = 60
# CAMPAIGN_SIZE -> database -> rounds of each race. "long" is SAFETY.md's size.
ROUNDS = {"ci": {"sqlite": 10, "postgresql": 15}, "long": {"sqlite": 500, "postgresql": 500}}
OVERLOADED = 503
TRIES_MAX = 5

Call = Callable[[Api], Any]
"""What one runner does with the client that is his; gives the answer."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a runner was answered."""

    status: int
    body: Any


@dataclass
class Arena:
    """`api` is for what is no race. `wrong` gathers what ought not to have happened."""

    app: Flask
    api: Api
    clock: FixedClock
    rounds: int
    wrong: list[str] = field(default_factory=list)
    program: Any = None
    code: Any = None

    def open(self, **terms: Any) -> None:
        """Start the program, and give Alice her code."""
        self.program = a_program(self.api, **terms)
        self.code = a_code(self.api, self.program)

    def people(self) -> Iterator[Person]:
        """A new referee for each round, and every second one is known to the service: those who meet over a row that is
        not there yet wait for its unique key, the others for a lock.
        """
        for number in range(self.rounds):
            person = Person(f"bob-{number}", f"bob-{number}@example.com", "Bob")
            if self.is_known(person):
                a_customer(self.api, person)
            yield person

    def is_known(self, person: Person) -> bool:
        return int(person.customer_id.removeprefix("bob-")) % 2 == 1

    def at_once(self, calls: Sequence[Call]) -> list[Ran]:
        """Let each call run in a thread of its own, all released by one barrier; an answer of 5xx is wrong."""
        barrier = Barrier(len(calls))

        def run(call: Call) -> Ran:
            api = Api(self.app.test_client(), key=self.api.key, clock=self.clock)
            barrier.wait(WAIT_SECONDS)
            answer = call(api)
            for attempt in range(TRIES_MAX):
                if answer.status_code != OVERLOADED:
                    break
                # What any sender does who is told that it was too much just now.
                sleep(0.05 * (attempt + 1))
                answer = call(api)
            return Ran(answer.status_code, answer.json)

        with ThreadPoolExecutor(len(calls)) as runners:
            ran = list(runners.map(run, calls))
        self.expect("no answer of 5xx", [one.body for one in ran if one.status >= 500], [])
        return ran

    def expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")

    # -- what is seen afterwards -------------------------------------------------------------------------

    def work(self) -> None:
        """Let the worker do all there is to do."""
        service: Service = self.app.extensions[EXTENSION]
        _, failed = work_off(service, stop=Event())
        self.expect("steps of the worker that fail", failed, [])

    def referrals(self, referee: Person) -> list[Any]:
        return items(self.api, "/v1/referrals", referee=referee.customer_id)

    def rewards(self, referral: Any) -> list[str]:
        """The rewards of a referral: `referee available 500-0`."""
        found = items(self.api, "/v1/rewards", referral_id=referral["id"])
        return sorted(
            f"{row['side']} {row['state']} {row['amount']['amount_minor']}-{row['reversed']['amount_minor']}"
            for row in found
        )

    def available(self, person: Person = ALICE) -> int:
        answer = expect(self.api.get(f"/v1/customers/{person.customer_id}/balances"), 200)
        return sum(item["available"] for item in answer["items"])

    def examine(self) -> list[str]:
        """Let the worker finish, and give all that was wrong, the doctor's findings included."""
        self.work()
        service: Service = self.app.extensions[EXTENSION]
        report = service.database.read(lambda session: examine(session, settings=None, now=self.clock.now()))
        # Not I15: the tests' own PostgreSQL is set up to forget, and that is all it would say.
        checks = [check for check in report.checks if check.invariant != "I15"]
        found = [f"{check.invariant} {one.object_id}: {one.says}" for check in checks for one in check.violations]
        return self.wrong + found


def rounds_for(database_kind: str) -> int:
    return ROUNDS[os.environ.get("CAMPAIGN_SIZE", "ci")][database_kind]

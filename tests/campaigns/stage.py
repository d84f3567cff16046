"""The running service as the campaign's stage, and how large the campaign is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.driver import Driver
from campaigns.facts import Enrol, Entry
from campaigns.machine import PAIRS
from campaigns.model import OutOfOrder
from campaigns.oracle import Oracle
from campaigns.pictures import Reading, all_readings
from campaigns.shrinking import shrink
from campaigns.story import START, Story
from campaigns.terms import Terms
from campaigns.whole_days import machine_for
from campaigns.wishes import CUSTOMERS
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

# CAMPAIGN_SIZE -> database -> (examples, steps in each). "long" is SAFETY.md's size.
SIZES = {
    "ci": {"sqlite": (45, 30), "postgresql": (20, 30)},
    "long": {"sqlite": (500, 50), "postgresql": (100, 50)},
}


@dataclass
class HttpStage:
    """`examine` is the doctor: what he finds in the app of this short number (None: in all), in his words."""

    client: FlaskClient
    operator_key: str
    examine: Callable[[int | None], list[str]]
    doctor_every: int = 15
    apps: int = 0
    readings: list[Reading] = field(default_factory=all_readings)

    def violations(self) -> list[str]:
        """Look at the newest app; its short number is how many there are."""
        return self.examine(self.apps)

    def open_app(self, *, now: datetime, name: str) -> Driver:
        self.apps += 1
        return Driver(self.client, operator_key=self.operator_key, now=now, name=name)

    def perform(self, story: Story, *, name: str) -> Oracle:
        """Tell a finished story to the service, and hold each answer to the model."""
        driver = self.open_app(now=START, name=name)
        for program, terms in story.programs.items():
            driver.start_program(program, terms)
        oracle = Oracle(programs=story.programs, ids=driver.programs, now=START)
        for customer in ("alice", "bob", "carol"):
            driver.expect(201, "PUT", f"/v1/customers/{customer}", {})
        for entry in story.log:
            oracle.hear(entry, driver.tell(entry), driver.look(["alice", "bob", "carol"]))
        return oracle

    def complaint(self, log: Sequence[Entry], programs: Mapping[str, Terms]) -> str | None:
        """Tell this log to an app of its own; return what is wrong with what comes of it."""
        driver = self.open_app(now=START, name="replay")
        for program, terms in programs.items():
            driver.start_program(program, terms)
        oracle = Oracle(programs=programs, ids=driver.programs, now=START, readings=self.readings)
        people: list[str] = []
        try:
            for entry in log:
                oracle.hear(entry, driver.tell(entry), driver.look([]))
                if isinstance(entry, Enrol) and entry.customer not in people:
                    people.append(entry.customer)
                oracle.see(driver.look(people))
            wrong = [*oracle.repeats(), *self.violations()]
        except (KeyError, OutOfOrder):
            # It claims by a click that was left out, or clicks before its time.
            return None
        except AssertionError as failure:
            return str(failure)
        return "\n".join(wrong) or None


@dataclass(frozen=True)
class Finding:
    """What a campaign has found, and in which history."""

    failure: AssertionError
    log: list[Entry]
    programs: Mapping[str, Terms]


def find(stage: HttpStage, how: settings, pairs: Sequence[tuple[str, str]] = PAIRS) -> Finding | None:
    """Play these programs until something is found."""
    machine = machine_for(stage, pairs)
    try:
        run_state_machine_as_test(machine, settings=how)
    except AssertionError as failure:
        return Finding(failure, machine.latest.log, machine.latest.oracle.programs)
    return None


def gist(complaint: str | None) -> str | None:
    """The beginning of a complaint, whoever and whatever it is about."""
    names = "|".join(CUSTOMERS)
    return complaint and re.sub(rf"'({names}|\w+-\d)'|\w{{3}}_\w{{26}}|\b[eor]\d+\b", "...", complaint)[:170]


def run_campaign(stage: HttpStage, how: settings) -> None:
    """Play; and if anything is found, fail with the shortest story that shows it."""
    found = find(stage, how)
    if found is None:
        return
    enrolled, told = found.log[: len(CUSTOMERS)], found.log[len(CUSTOMERS) :]

    def complaint(log: Sequence[Entry]) -> str | None:
        return stage.complaint([*enrolled, *log], found.programs)

    # Leaving things out must not lead to something else that goes wrong.
    wrong = gist(complaint(told))
    story = shrink(told, lambda log: gist(complaint(log)) == wrong)
    lines = [*found.programs.items(), *enrolled, *story, complaint(story)]
    found.failure.add_note("The shortest story that goes wrong:\n" + "\n".join(map(str, lines)))
    raise found.failure


def campaign_settings(database: str) -> settings:
    size = os.environ.get("CAMPAIGN_SIZE", "ci")
    examples, steps = SIZES[size][database]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        # In CI the same histories every time; in a long campaign new ones. Shrinking is our own: see `run_campaign`.
        derandomize=size == "ci",
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        print_blob=True,
    )

"""The running service as the campaign's stage, and how large the campaign is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.driver import Driver
from campaigns.oracle import Oracle
from campaigns.pictures import Reading, all_readings
from campaigns.story import START, Story
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

# CAMPAIGN_SIZE -> database -> (examples, steps in each). "long" is SAFETY.md's size.
SIZES = {
    "ci": {"sqlite": (60, 30), "postgresql": (20, 30)},
    "long": {"sqlite": (500, 50), "postgresql": (100, 50)},
}


@dataclass
class HttpStage:
    """`examine` is the doctor: what he finds in the app of this short number (None: in all), in his words."""

    client: FlaskClient
    operator_key: str
    examine: Callable[[int | None], list[str]]
    doctor_every: int = 10
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


def campaign_settings(database: str) -> settings:
    examples, steps = SIZES[os.environ.get("CAMPAIGN_SIZE", "ci")][database]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        print_blob=True,
    )

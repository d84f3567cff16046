"""Messages that wait for their source to be free leave their places to others meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from crowd import all_at_once
from flask import Flask
from webhooks_in.hooks import a_standard_source

from builders import Api, a_claim, a_code, a_program, purchase_body
from cast import Person
from referral_service.config import Settings
from referral_service.kit.db.engines import Database
from referral_service.kit.http.ingress import admission
from referral_service.kit.http.ingress.gate import Gate
from referral_service.webhooks_in.views.blueprint import INBOX

PLACES = 2
PEOPLE: Sequence[Person] = [Person(f"bob-{number}", f"bob-{number}@example.com", "Bob") for number in range(9)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, threads=PLACES)


def test_a_batch_is_as_large_as_the_crowd_and_not_as_the_places(api: Api, app: Flask, database: Database) -> None:
    code = a_code(api, a_program(api))
    for person in PEOPLE:
        a_claim(api, code, referee=person)
    hook = a_standard_source(api)
    bodies = [purchase_body(at=api.now(), customer=person) for person in PEOPLE]
    # The crowd is held until all but the first wait in the inbox: with two places, they can only have stepped aside.
    calls = [partial(hook.send, body) for body in bodies]
    answers = all_at_once(app.extensions[INBOX], database, hook.source["id"], calls)
    assert [answer.status_code for answer in answers] == [200] * len(PEOPLE)
    assert {answer.json["outcome"] for answer in answers} == {"converted"}
    gate: Gate = app.extensions[admission.EXTENSION].gate
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)

"""Batches about the same people that arrive at the same time, and how long the names in them may be."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any

import pytest

from builders import Api, a_claim, a_code, a_program, expect, items, purchase_body
from cast import BOB, CAROL
from referral_service.kit.clock import format_rfc3339

COPIES = 6
WAIT_SECONDS = 60
REWARDED = [("referee", "available", 500), ("referrer", "available", 1000)]


def sent_at_once(api: Api, batches: Sequence[Sequence[Any]]) -> list[Any]:
    """Post each batch from a thread and a client of its own, all released by one barrier."""
    barrier = Barrier(len(batches))

    def send(batch: Sequence[Any]) -> Any:
        own = Api(api.client.application.test_client(), key=api.key, clock=api.clock)
        barrier.wait(WAIT_SECONDS)
        return own.post("/v1/events", {"events": list(batch)})

    with ThreadPoolExecutor(len(batches)) as senders:
        return list(senders.map(send, batches))


def shuffled(batch: Sequence[Any]) -> list[list[Any]]:
    """The batch as it is, backwards, and in orders that are the same every time this is run."""
    random = Random(20260301)
    return [list(batch), list(reversed(batch)), *(random.sample(batch, len(batch)) for _ in range(COPIES - 2))]


def rewards(api: Api) -> list[tuple[str, str, int]]:
    found = [(row["side"], row["state"], row["amount"]["amount_minor"]) for row in items(api, "/v1/rewards")]
    return sorted(found)


def test_shuffled_copies_of_one_customers_batch_are_all_answered_and_reward_once(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    batch = [purchase_body(at=api.now(), event_id=f"e-{n}", order_id=f"o-{n}") for n in range(30)]
    answers = sent_at_once(api, shuffled(batch))
    assert [answer.status_code for answer in answers] == [200] * COPIES
    results = [result for answer in answers for result in answer.json["results"]]
    assert len(results) == COPIES * len(batch)
    assert {result["outcome"] for result in results} <= {"converted", "recorded"}
    assert sum(not result["duplicate"] for result in results) == len(batch)
    assert rewards(api) == REWARDED


def test_shuffled_copies_of_a_batch_about_two_customers_are_all_answered_and_reward_once(api: Api) -> None:
    """Purchases and what takes them back, of two people: no order of the list is an order of locks."""
    code = a_code(api, a_program(api))
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    batch: list[Any] = []
    for n in range(15):
        person = (BOB, CAROL)[n % 2]
        batch.append(purchase_body(at=api.now(), customer=person, event_id=f"e-{n}", order_id=f"o-{n}"))
        batch.append(
            {
                "id": f"r-{n}",
                "type": "refund",
                "order_id": f"o-{n}",
                "refund_id": "one",
                "amount": {"amount_minor": 5000, "currency": "USD"},
                "occurred_at": format_rfc3339(api.now()),
            }
        )
    answers = sent_at_once(api, shuffled(batch))
    assert [answer.status_code for answer in answers] == [200] * COPIES
    results = [result for answer in answers for result in answer.json["results"]]
    assert sum(not result["duplicate"] for result in results) == len(batch)
    assert {state for _, state, _ in rewards(api)} <= {"clawed_back", "voided"}
    assert len(rewards(api)) == 4


@pytest.mark.parametrize(("characters", "status"), [(1, 201), (200, 201), (201, 422)])
def test_a_refund_id_may_have_200_characters(api: Api, characters: int, status: int) -> None:
    a_claim(api, a_code(api, a_program(api)))
    expect(api.post("/v1/events", purchase_body(at=api.now(), order_id="o-1")), 201)
    refund = {
        "id": "e-refund",
        "type": "refund",
        "order_id": "o-1",
        "refund_id": "r" * characters,
        "amount": {"amount_minor": 5000, "currency": "USD"},
        "occurred_at": format_rfc3339(api.now()),
    }
    answer = expect(api.post("/v1/events", refund), status)
    if status == 201:
        assert (answer["outcome"], answer["reason"]) == ("reversed", "refunded")
        # Under another event id it is the same refund.
        again = expect(api.post("/v1/events", {**refund, "id": "e-again"}), 200, 201)
        assert again["duplicate"] is True
    else:
        assert list(answer["errors"]) == ["refund_id"]

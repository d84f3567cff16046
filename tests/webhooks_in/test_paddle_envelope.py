"""What stands around Paddle's transactions and adjustments; and that no body whatever raises anything."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in import paddle_bodies as bodies
from webhooks_in.paddle_bodies import adjustment, transaction

from cast import NOON
from referral_service.events.given import GivenEvent
from referral_service.webhooks_in.providers.paddle import Paddle
from referral_service.webhooks_in.providers.provider import Around, Ignored, Parked
from referral_service.webhooks_in.read_message import Message, read_message

COMPLETED = "transaction.completed"


def read(kind: str, thing: Any, *, is_test: bool = False, now: datetime = NOON, **envelope: Any) -> Message:
    raw = json.dumps(bodies.event(kind, thing) | envelope).encode()
    return read_message(Paddle(), raw, external_id=None, is_test=is_test, now=now)


@pytest.mark.parametrize("field", ["event_id", "notification_id"])
def test_what_the_simulator_sends_reaches_only_a_test_app(field: str) -> None:
    for kind, thing in _each_meaning():
        simulated: dict[str, Any] = {field: "ntfsimevt_01j82hf8jrwjsf9337a35tqghp"}
        said = read(kind, thing, is_test=False, **simulated).translation
        assert isinstance(said, Parked)
        assert said.reason == "test_mode"
        assert isinstance(read(kind, thing, is_test=True, **simulated).translation, GivenEvent)


def test_sandbox_and_live_look_alike_so_the_secret_alone_decides() -> None:
    for kind, thing in _each_meaning():
        assert read(kind, thing, is_test=True).translation == read(kind, thing, is_test=False).translation


def test_a_payment_of_the_future_is_parked_and_a_minutes_difference_of_clocks_is_none() -> None:
    early, late = NOON - timedelta(seconds=61), NOON - timedelta(seconds=60)
    for kind, thing in _each_meaning():
        said = read(kind, thing, now=early).translation
        assert isinstance(said, Parked)
        assert said.reason == "occurred_in_future"
        assert isinstance(read(kind, thing, now=late).translation, GivenEvent)


@pytest.mark.parametrize("value", [None, "now", 0, 1.5, [], {}, "2026-01-01", "0001-01-01T00:00:00Z", "9" * 99])
def test_an_event_that_does_not_say_when_is_parked(value: object) -> None:
    for kind, thing in _each_meaning():
        said = read(kind, thing, occurred_at=value).translation
        assert isinstance(said, Parked)
        assert said.reason == "malformed_body"
        assert said.type


@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_an_event_without_a_type_or_data_is_parked(value: object) -> None:
    assert read(COMPLETED, transaction(), event_type=value).translation == Parked("malformed_body")
    if value != {}:
        assert read(COMPLETED, value).translation == Parked("malformed_body", "purchase")


@pytest.mark.parametrize("value", [None, 7, "", "x" * 256, ["evt_1"]])
def test_a_body_without_an_id_is_parked_under_its_hash(value: object) -> None:
    message = read(COMPLETED, transaction(), event_id=value)
    assert message.translation == Parked("malformed_body")
    assert message.external_id.startswith("sha256:")


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(),
        st.sampled_from(["approved", "reversed", "completed", "5000", "0", "USD", "refund", "chargeback"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.sampled_from(["total", "totals", "product", "type", "code", "email"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)  # fmt: skip


OPTIONAL = ["custom_data", "discount", "customer"]


@given(data=st.data())
def test_whatever_stands_where_nothing_raises(data: st.DataObject) -> None:
    kind, thing = data.draw(st.sampled_from(_each_meaning()))
    body = bodies.event(kind, copy.deepcopy(thing))
    inner = body["data"]
    targets = [
        body,
        inner,
        inner.get("details", {}),
        inner.get("details", {}).get("totals", {}),
        inner.get("totals", {}),
    ]
    for target in targets:
        if target:
            for name in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=2)):
                target[name] = data.draw(JSON)
    inner_data = body["data"]
    if isinstance(inner_data, dict):
        for name in data.draw(st.lists(st.sampled_from(["custom_data", "discount", "customer"]), max_size=2)):
            inner_data[name] = data.draw(JSON)
    said = Paddle().translate(body, Around("evt_1", "", is_test=data.draw(st.booleans()), now=NOON))
    assert isinstance(said, GivenEvent | Parked | Ignored)
    if isinstance(said, GivenEvent):
        assert said.aliases
        assert all(1 <= len(alias) <= 255 for alias in said.aliases)
        assert said.amount is None or 0 < said.amount.amount_minor <= 10**12
        assert said.refund is None or 0 < said.refund.amount.amount_minor <= 10**12


@given(body=st.dictionaries(st.sampled_from(["event_type", "event_id", "occurred_at", "data", "x"]), JSON))
def test_no_body_at_all_raises(body: dict[str, Any]) -> None:
    provider = Paddle()
    provider.labels(body)
    assert isinstance(
        provider.translate(body, Around("evt_1", "", is_test=False, now=NOON)),
        GivenEvent | Parked | Ignored,
    )


def _each_meaning() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("transaction.completed", transaction()),
        ("adjustment.created", adjustment()),
        ("adjustment.updated", adjustment()),
        ("adjustment.created", adjustment("chargeback")),
        ("adjustment.created", adjustment("chargeback_reverse")),
        ("adjustment.created", adjustment("chargeback_warning")),
        ("adjustment.updated", adjustment("chargeback", status="reversed")),
    ]

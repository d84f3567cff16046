"""A standard source sends what POST /v1/events takes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from builders import purchase_body
from cast import NOON
from referral_service.events.given import GivenEvent
from referral_service.kit.money import Money
from referral_service.webhooks_in.providers.provider import Parked
from referral_service.webhooks_in.providers.standard import Standard
from referral_service.webhooks_in.read_message import Message, read_message


def read(raw: bytes, *, is_test: bool = False) -> Message:
    return read_message(Standard(), raw, external_id="msg_1", is_test=is_test, now=NOON)


def read_document(document: Any) -> Message:
    return read(json.dumps(document).encode())


def test_a_purchase_is_read_as_the_api_reads_it() -> None:
    message = read_document(purchase_body(at=NOON, event_id="e-1", order_id="o-1"))
    said = message.translation
    assert isinstance(said, GivenEvent)
    assert (said.external_id, said.customer_id, said.aliases) == ("e-1", "bob", ("o-1",))
    assert said.amount == Money(5000, "USD")
    assert (message.external_id, message.provider_type, message.type) == ("msg_1", "purchase", "purchase")


def test_the_messages_id_is_the_events_where_the_body_has_none() -> None:
    body = purchase_body(at=NOON)
    del body["id"]
    said = read_document(body).translation
    assert isinstance(said, GivenEvent)
    assert said.external_id == "msg_1"


@pytest.mark.parametrize("is_test", [True, False])
def test_the_apps_own_messages_know_no_mode(is_test: bool) -> None:
    raw = json.dumps(purchase_body(at=NOON)).encode()
    assert isinstance(read(raw, is_test=is_test).translation, GivenEvent)


@pytest.mark.parametrize(
    "change",
    [{"amount": {"amount_minor": 1.9, "currency": "USD"}}, {"currency": "USD"}, {"occurred_at": "today"}, {"id": ""}],
)
def test_an_event_the_api_would_refuse_is_parked(change: dict[str, Any]) -> None:
    assert read_document(purchase_body(at=NOON) | change).translation == Parked("invalid_event", "purchase")


def test_a_batch_is_no_event() -> None:
    assert read_document({"events": [purchase_body(at=NOON)]}).translation == Parked("invalid_event")


def test_an_event_of_the_future_is_parked_until_its_time_has_come() -> None:
    body = purchase_body(at=NOON + timedelta(minutes=2))
    assert read_document(body).translation == Parked("occurred_in_future", "purchase")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"7", b'"text"', b"{", b'{"type": "purchase"', b"\xff\xfe{}", b'{"a": NaN}',
        b'{"a": 1e999}', b'{"type": "signup", "type": "purchase"}',
        b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b"\xef\xbb\xbf{}",
        b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a": 99999999999999999999}', b'{"a": "' + b"x" * 1025 + b'"}',
        b" " * (1024 * 1024 + 1),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_parked_under_its_messages_id(raw: bytes) -> None:
    message = read(raw)
    assert message.translation == Parked("malformed_body")
    assert (message.external_id, message.type, message.provider_type) == ("msg_1", "", "")

"""The receivers that docs/webhooks.md shows take what is genuine, once and in order, and refuse everything else.

Each runs as a process and is sent messages that the `standardwebhooks` library of PyPI has signed: neither they nor
these tests share any code with what we send. The Python and the Node receiver verify with the official libraries of
their registries. PHP's official library (`standard-webhooks/standard-webhooks`) is on Packagist, which the machines
that run these tests do not reach: there a stand-in of its one class, written after its documentation, takes its place
(house/receivers.py). So the PHP tests prove the receiver, and not the library.

Where a language is not installed its tests are skipped; in CI that is a failure, as with every other test.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from house.markdown_pages import page
from house.receivers import RECEIVERS, SHOWN, Ended, Receiver, running
from standardwebhooks.webhooks import Webhook

from referral_service.kit.clock import SystemClock

LANGUAGES = {"python": "py", "node": "mjs", "php": "php"}
SECONDS_MAX = 30.0
_numbers = count(1)


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


SECRET, OTHER_SECRET = new_secret(), new_secret()


@pytest.fixture(scope="module", params=RECEIVERS)
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One process for all tests of this file: each tells of objects of its own."""
    with running(request.param, tmp_path_factory.mktemp(request.param), secret=SECRET) as started:
        yield started


def new_id(prefix: str) -> str:
    return f"{prefix}_{next(_numbers):026d}"


def message(**changes: Any) -> dict[str, Any]:
    """A notification as an endpoint receives it."""
    state = changes.pop("state", "available")
    told = changes.pop("object", None) or {"id": new_id("rwd"), "program_id": "prg_1", "state": state}
    return {
        "type": "reward.available",
        "id": new_id("ntf"),
        "timestamp": "2026-11-21T10:00:00Z",
        "api_version": "v1",
        "object_id": told.get("id"),
        "sequence": 1,
        "position": 1,
        "data": {"object": told, "previous_state": "pending", "state": state, "reason": None},
        **changes,
    }


def signed(body: str, *, message_id: str, secrets: tuple[str, ...] = (SECRET,), age_seconds: int = 0) -> dict[str, str]:
    """The headers of an attempt; with several secrets, as in the 24 hours after a rotation."""
    at = SystemClock().now() - timedelta(seconds=age_seconds)
    return {
        "content-type": "application/json",
        "user-agent": "referral-service-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets),
    }


def post(receiver: Receiver, body: str, headers: dict[str, str]) -> int:
    answer = httpx.post(receiver.url, content=body.encode(), headers=headers, timeout=SECONDS_MAX, trust_env=False)
    return answer.status_code


def send(receiver: Receiver, sent: dict[str, Any], **signing: Any) -> int:
    body = json.dumps(sent, ensure_ascii=False)
    return post(receiver, body, signed(body, message_id=sent["id"], **signing))


def name_of(sent: dict[str, Any]) -> str:
    return str(sent["data"]["object"]["id"])


# --- what is genuine ---------------------------------------------------------------------------------------------


def test_a_genuine_message_is_taken(receiver: Receiver) -> None:
    sent = message()
    assert send(receiver, sent) == 204
    assert receiver.said(f"reward.available: {name_of(sent)} is available") == 1


def test_a_message_that_comes_again_is_taken_and_not_handled_again(receiver: Receiver) -> None:
    sent = message()
    assert [send(receiver, sent) for _ in range(3)] == [204, 204, 204]
    # Were it handled again, this newer state would show.
    assert send(receiver, sent | {"sequence": 2, "data": sent["data"] | {"state": "changed"}}) == 204
    assert receiver.said(f"{name_of(sent)} is available") == 1
    assert receiver.said(f"{name_of(sent)} is changed") == 0


def test_a_message_that_comes_many_times_at_once_is_handled_once(receiver: Receiver) -> None:
    sent = message()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: send(receiver, sent), range(16)))
    assert answers == [204] * 16
    assert receiver.said(f"{name_of(sent)} is available") == 1


@pytest.mark.parametrize("both", [(SECRET, OTHER_SECRET), (OTHER_SECRET, SECRET)], ids=["old first", "new first"])
def test_after_a_rotation_either_secret_will_do(receiver: Receiver, both: tuple[str, str]) -> None:
    sent = message()
    assert send(receiver, sent, secrets=both) == 204
    assert receiver.said(f"{name_of(sent)} is available") == 1


def test_what_is_signed_is_the_bytes_and_not_what_they_mean(receiver: Receiver) -> None:
    sent = message(state="Zoë's 100 € 🎁")
    body = json.dumps(sent, ensure_ascii=False, indent=3) + "\n"
    assert post(receiver, body, signed(body, message_id=sent["id"])) == 204
    assert receiver.said(f"{name_of(sent)} is Zoë's 100 € 🎁") == 1


def test_a_message_that_comes_in_pieces_is_put_together_byte_by_byte(receiver: Receiver) -> None:
    """A piece may end within a character: this body has a three-byte one at every place where it is cut."""
    sent = message(reason="€" * 300_000)
    assert send(receiver, sent) == 204
    assert receiver.said(f"{name_of(sent)} is available") == 1


def test_a_message_of_some_age_is_still_taken(receiver: Receiver) -> None:
    assert send(receiver, message(), age_seconds=240) == 204


def test_the_test_event_is_taken(receiver: Receiver) -> None:
    endpoint = {"id": new_id("whe"), "url": "https://app.example/hooks", "events": ["*"], "state": "enabled"}
    assert send(receiver, message(type="endpoint.test", object=endpoint, state="enabled")) == 204
    assert receiver.said(f"endpoint.test: {endpoint['id']} is enabled") == 1


# --- order -------------------------------------------------------------------------------------------------------


def test_what_comes_after_something_newer_of_the_same_object_is_ignored(receiver: Receiver) -> None:
    third = message(sequence=3, state="redeemed")
    second = message(sequence=2, object=third["data"]["object"])
    assert [send(receiver, third), send(receiver, second)] == [204, 204]
    assert receiver.said(f"{name_of(third)} is redeemed") == 1
    assert receiver.said(f"{name_of(third)} is available") == 0


def test_each_newer_state_of_an_object_is_kept(receiver: Receiver) -> None:
    first = message(state="pending")
    assert send(receiver, first) == 204
    assert send(receiver, message(sequence=2, object=first["data"]["object"], state="available")) == 204
    assert send(receiver, message(sequence=4, object=first["data"]["object"], state="clawed_back")) == 204
    lines = [line.rpartition(" ")[2] for line in receiver.log().splitlines() if name_of(first) in line]
    assert lines == ["pending", "available", "clawed_back"]


def test_objects_of_one_program_or_customer_do_not_stand_in_each_others_way(receiver: Receiver) -> None:
    """Neither a balance nor a budget has an `id`."""
    program_id, dollars, points = new_id("prg"), new_id("acc"), new_id("acc")
    balance = {"customer_id": "alice", "available": 1000, "pending": 0}
    budget = {"program_id": program_id, "budget": {}, "used": {}}
    reward = {"id": new_id("rwd"), "program_id": program_id, "customer_id": "alice"}
    sent = [
        message(type="balance.changed", object_id=dollars, sequence=7, state="changed", object=balance),
        message(type="balance.changed", object_id=points, sequence=1, state="changed", object=balance),
        message(type="program.budget_low", object_id=program_id, sequence=5, state="low", object=budget),
        message(type="reward.created", sequence=1, state="pending", object=reward),
        message(type="balance.changed", object_id=dollars, sequence=6, state="changed", object=balance),
        message(type="program.budget_low", object_id=program_id, sequence=4, state="low", object=budget),
    ]
    assert [send(receiver, one) for one in sent] == [204] * 6
    assert receiver.said(f"balance.changed: {dollars} is changed") == 1
    assert receiver.said(f"balance.changed: {points} is changed") == 1
    assert receiver.said(f"program.budget_low: {program_id} is low") == 1
    assert receiver.said(f"reward.created: {reward['id']} is pending") == 1


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"secrets": (OTHER_SECRET,)}, {"age_seconds": 6 * 60}, {"age_seconds": -6 * 60}],
    ids=["another secret", "six minutes old", "six minutes ahead"],
)
def test_what_is_not_signed_by_this_secret_at_this_time_is_refused(receiver: Receiver, wrong: dict[str, Any]) -> None:
    sent = message()
    assert send(receiver, sent, **wrong) == 401
    assert receiver.said(f"{name_of(sent)} is available") == 0
    # It is not remembered as a duplicate, either.
    assert send(receiver, sent) == 204
    assert receiver.said(f"{name_of(sent)} is available") == 1


def test_a_changed_body_is_refused(receiver: Receiver) -> None:
    sent = message()
    body = json.dumps(sent)
    headers = signed(body, message_id=sent["id"])
    assert post(receiver, body.replace("available", "redeemed"), headers) == 401
    assert receiver.said(f"{name_of(sent)} is redeemed") == 0


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_a_changed_id_or_time_is_refused(receiver: Receiver, name: str) -> None:
    sent = message()
    body = json.dumps(sent)
    headers = signed(body, message_id=sent["id"])
    changed = new_id("ntf") if name == "webhook-id" else str(int(headers[name]) + 1)
    assert post(receiver, body, headers | {name: changed}) == 401
    assert receiver.said(f"{name_of(sent)} is available") == 0


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_one_of_the_headers_is_refused(receiver: Receiver, name: str) -> None:
    sent = message()
    body = json.dumps(sent)
    headers = signed(body, message_id=sent["id"])
    del headers[name]
    assert post(receiver, body, headers) == 401
    assert receiver.said(f"{name_of(sent)} is available") == 0


@pytest.mark.parametrize(
    "hostile",
    [
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1,a,b v1 , ,"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 40},
        {"webhook-timestamp": "nan"},
    ],
    ids=str,
)
def test_headers_that_nobody_honest_sends_are_refused(receiver: Receiver, hostile: dict[str, str]) -> None:
    sent = message()
    body = json.dumps(sent)
    assert post(receiver, body, signed(body, message_id=sent["id"]) | hostile) == 401
    assert send(receiver, sent) == 204
    assert receiver.runs()


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_receiver_does_not_start_without_its_secret(language: str, tmp_path: Path) -> None:
    with pytest.raises(Ended, match=r"(?i)secret"), running(language, tmp_path, secret=""):
        pass


def test_the_php_receiver_takes_nothing_without_its_secret(tmp_path: Path) -> None:
    """It begins anew with each message. Without a secret anybody could sign."""
    sent = message()
    body = json.dumps(sent)
    headers = signed(body, message_id=sent["id"])
    to_sign = f"{sent['id']}.{headers['webhook-timestamp']}.{body}".encode()
    forged = base64.b64encode(hmac.digest(b"", to_sign, "sha256")).decode()
    with running("php", tmp_path, secret="") as receiver:
        assert post(receiver, body, headers | {"webhook-signature": f"v1,{forged}"}) == 500
        assert receiver.said(f"{name_of(sent)} is available") == 0


# --- what is shown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", RECEIVERS)
def test_the_guide_shows_the_very_receiver_that_is_tested(language: str) -> None:
    program = SHOWN / f"receive.{LANGUAGES[language]}"
    assert program.read_text(encoding="utf-8") in [block.text for block in page("docs/webhooks.md").blocks]

"""What comes by the event loop is answered as WSGI answers it; who waits there has no thread and spoils nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from kit.http.probe import Switches, effects
from rsgi import Sent, SentHeaders, a_request, answered, ask
from sqlalchemy import event, func, select

from builders import Api, a_code, a_program
from referral_service.kit.db.engines import Database
from referral_service.kit.http.ingress import admission
from referral_service.kit.http.ingress import front as front_module
from referral_service.kit.http.ingress.environ import Answer, environ_of
from referral_service.kit.http.ingress.front import Front, front_of
from referral_service.kit.http.ingress.gate import Gate
from referral_service.kit.http.ingress.joint import joint_requests
from referral_service.operations.views import WITHOUT_WAITING
from referral_service.referrals.models import Referral

KIB = 1024
NEW_TEXTS = re.compile(r"ref_click=[0-9A-Z]+|[a-z]+_[0-9a-z]{26}")
ANY_EXAMPLES = examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What begins the query or the fragment is not part of a path.
ANY_PATH = st.text(st.characters(codec="utf-8", exclude_characters="?#"), max_size=20)
PERSON = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"}


@pytest.fixture
def front(app: Flask) -> Front:
    return front_of(app)


def by_wsgi(app: Flask, sent: Sent) -> Answer:
    """The answer of the same application under a WSGI server, to what that would have made of the request."""
    body = b"".join(piece for piece in sent.pieces if piece)
    environ = {"REMOTE_ADDR": "203.0.113.9"}
    if ("transfer-encoding", "chunked") in sent.headers:
        environ |= {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}  # type: ignore[dict-item]
    headers = [it for it in sent.headers if it[0] != "content-length"]
    found = app.test_client().open(
        sent.path, method=sent.method, query_string=sent.query_string, data=body, headers=headers,
        base_url="http://refer.test", environ_overrides=environ,
    )  # fmt: skip
    return Answer(found.status_code, list(found.headers), found.data)


def comparable(answer: Answer) -> tuple[Any, ...]:
    headers = sorted((name, NEW_TEXTS.sub("?", value)) for name, value in answer.headers)
    return answer.status, headers, NEW_TEXTS.sub("?", answer.body.decode("latin-1"))


def compare(app: Flask, sent: Sent) -> Answer:
    expected, found = by_wsgi(app, sent), asyncio.run(answered(front_of(app), sent))
    assert comparable(found) == comparable(expected), sent
    return found


async def until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 (threads change it, and no event tells)
        await asyncio.sleep(0.001)


def signed_in(api: Api, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api.key}", "content-type": "application/json", **more}


def test_the_api_pages_and_links_are_answered_as_by_wsgi(app: Flask, api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    link = f"/r/{code['signed_code']}"
    statuses = [
        compare(app, sent).status
        for sent in (
            a_request("GET", "/healthz"),
            a_request("GET", "/readyz"),
            a_request("GET", "/v1/programs", headers=signed_in(api)),
            a_request("GET", f"/v1/programs/{program['id']}?x=%D1%8F", headers=signed_in(api)),
            a_request("HEAD", "/healthz"),
            a_request("GET", link, headers=PERSON),
            a_request("GET", link + "?ch=mail", headers=PERSON),
            a_request("POST", "/probe/echo", headers=signed_in(api), body=b'{"name":"\xd1\x8f"}'),
            a_request("POST", "/probe/echo", headers=signed_in(api), body=b'{"name":"a"}', chunked=True),
            a_request("GET", "/v1/programs"),
            a_request("POST", "/v1/programs", headers=signed_in(api), body=b"{"),
            a_request("GET", "/nowhere/%D1%8F/%00"),
            a_request("BREW", "/healthz"),
        )
    ]
    assert statuses == [200, 200, 200, 422, 200, 302, 302, 200, 200, 401, 400, 404, 405]


@ANY_EXAMPLES
@given(data=st.data())
def test_whatever_is_asked_is_answered_as_by_wsgi(app: Flask, api: Api, data: st.DataObject) -> None:
    draw = data.draw
    names = st.sampled_from(["accept", "accept-language", "x-request-id", "cookie", "origin", "x-forwarded-for"])
    printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
    headers = draw(st.dictionaries(names, printable, max_size=3))
    if draw(st.booleans()):
        headers |= signed_in(api)
    path = draw(st.one_of(st.sampled_from(["/probe/echo", "/v1/programs", "/r/x"]), ANY_PATH.map("/v1/".__add__)))
    sent = a_request(
        draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"])),
        "/",
        headers=headers,
        body=draw(st.one_of(st.none(), st.binary(max_size=50), st.just(b"{}"))),
        chunked=draw(st.booleans()),
    )
    sent.path, sent.query_string = path, draw(st.from_regex(r"[a-z=&%0-9]{0,20}", fullmatch=True))
    compare(app, sent)


def test_an_environment_has_what_the_server_told() -> None:
    headers = SentHeaders(
        [
            ("host", "refer.test"), ("cookie", "a=1"), ("cookie", "b=2"), ("accept", "text/html"), ("accept", "*/*"),
            ("content-type", "text/plain"), ("x-forwarded-for", "1.1.1.1"), ("x_forwarded_for", "6.6.6.6"),
        ]
    )  # fmt: skip
    sent = Sent("/я", "PUT", "a=1", headers, server="[::1]:8080", client="[2001:db8::1]:99", scheme="https")
    environ = environ_of(sent)
    expected = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/я".encode().decode("latin-1"),
        "QUERY_STRING": "a=1",
        "SERVER_NAME": "::1",
        "SERVER_PORT": "8080",
        "REMOTE_ADDR": "2001:db8::1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "https",
        "HTTP_HOST": "refer.test",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_ACCEPT": "text/html,*/*",
        "CONTENT_TYPE": "text/plain",
        # Not the one that only looks like it: a proxy checks the real one.
        "HTTP_X_FORWARDED_FOR": "1.1.1.1",
    }
    assert {key: environ[key] for key in expected} == expected
    # HTTP/2 has no Host.
    assert environ_of(Sent(authority="refer.test", http_version="2"))["HTTP_HOST"] == "refer.test"


def test_a_body_that_says_that_it_is_too_large_is_refused_unread(front: Front, api: Api) -> None:
    sent = a_request("POST", "/probe/events", headers=signed_in(api), body=b"x" * (KIB * KIB + 1))
    answer = asyncio.run(answered(front, sent))
    assert (answer.status, orjson.loads(answer.body)["code"], sent.taken) == (413, "body_too_large", 0)


def test_a_body_without_an_end_is_read_no_further_than_to_see_that_it_is_too_large(front: Front, api: Api) -> None:
    sent = a_request("POST", "/probe/events", headers=signed_in(api), chunked=True, pieces=[b"x" * KIB] * 5 * KIB)
    answer = asyncio.run(answered(front, sent))
    assert (answer.status, sent.taken) == (413, KIB * KIB + KIB)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_does_not_arrive_is_refused_and_nothing_is_done(
    front: Front, api: Api, database: Database, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(front_module, "BODY_SECONDS_MAX", 0.02)
    pieces = [b"{", None, b"}"]
    sent = a_request("POST", "/probe/act", headers=signed_in(api), body=b"{}", chunked=chunked, pieces=pieces)
    answer = asyncio.run(answered(front, sent))
    told = orjson.loads(answer.body)
    assert (answer.status, told["code"]) == (408, "body_too_slow")
    assert effects(database) == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_the_memory_holds_is_refused_and_the_room_is_given_back(
    front: Front, api: Api, database: Database, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(front._arriving, "_left", 10)

    def acting(*pieces: bytes | None) -> Sent:
        body = b"".join(piece for piece in pieces if piece)
        return a_request("POST", "/probe/act", headers=signed_in(api), body=body, chunked=chunked, pieces=pieces)

    async def evening() -> list[int]:
        slow = asyncio.create_task(answered(front, acting(b"{    ", None, b"}")))
        await asyncio.sleep(0)
        too_many = await answered(front, acting(b"{       }"))
        fitting = await answered(front, acting(b"{ }"))
        return [
            too_many.status,
            fitting.status,
            (await slow).status,
            (await answered(front, acting(b"{       }"))).status,
        ]

    assert asyncio.run(evening()) == [503, 201, 201, 201]
    assert front._arriving._left == 10
    assert effects(database) == 3


@pytest.mark.parametrize("chunked", [False, True])
def test_who_goes_before_he_has_sent_all_is_not_answered_and_has_no_place(
    app: Flask, front: Front, api: Api, database: Database, chunked: bool
) -> None:
    sent = a_request(
        "POST", "/probe/act", headers=signed_in(api), body=b"{}", chunked=chunked, pieces=[b"{"], whole=False
    )
    asyncio.run(front.__rsgi__(sent, sent))
    assert sent.answer is None
    assert effects(database) == 0
    assert app.extensions[admission.EXTENSION].gate.inside == 0


def test_while_the_house_is_full_links_health_and_refusals_are_answered_and_who_waits_has_no_thread(
    app: Flask, front: Front, api: Api, switches: Switches
) -> None:
    link = a_request("GET", f"/r/{a_code(api, a_program(api))['signed_code']}", headers=PERSON)
    gate = app.extensions[admission.EXTENSION].gate = Gate(places=1, waiting_max=8, wait_seconds_max=30)

    def writing() -> Sent:
        return a_request("POST", "/probe/act", headers=signed_in(api), body=b"{}")

    async def evening() -> list[Answer]:
        await answered(front, link)
        switches.go_on.clear()
        inside = asyncio.create_task(answered(front, writing()))
        await until(switches.entered.is_set)
        waiting = [asyncio.create_task(answered(front, writing())) for _ in range(8)]
        await until(lambda: gate.waiting == 8)
        # One at work, and one that has answered the first visit.
        assert len(front._working._threads) <= 2
        link.answer = None
        assert (await answered(front, link)).status == 302
        for path in WITHOUT_WAITING:
            assert (await answered(front, a_request("GET", path))).status == 200
        refused = await answered(front, writing())
        assert (refused.status, orjson.loads(refused.body)["code"]) == (503, "overloaded")
        assert int(dict(refused.headers)["Retry-After"]) >= 1
        switches.go_on.set()
        return [await inside, *[await it for it in waiting]]

    assert [answer.status for answer in asyncio.run(evening())] == [201] * 9
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 1)


def claims_of(api: Api, code: str, count: int, **more: str) -> list[Sent]:
    bodies = [orjson.dumps({"code": code, "referee": {"customer_id": f"friend-{number}"}}) for number in range(count)]
    return [a_request("POST", "/v1/referrals", headers=signed_in(api, **more), body=body) for body in bodies]


def test_requests_whose_work_is_done_together_share_one_thread(
    app: Flask, front: Front, api: Api, database: Database
) -> None:
    program = a_program(api)
    code = a_code(api, program)["code"]
    admission_gate = app.extensions[admission.EXTENSION].gate
    wishes = [
        a_request(
            "POST", f"/v1/programs/{program['id']}/codes", headers=signed_in(api),
            body=orjson.dumps({"customer_id": f"new-{number}"}),
        )
        for number in range(5)
    ]  # fmt: skip
    odd = [
        a_request("POST", "/v1/referrals", headers=signed_in(api), body=b"{"),
        a_request("POST", "/v1/referrals", body=b"{}"),
        a_request("POST", "/v1/hooks/src_nowhere", body=b"{}"),
    ]

    async def evening(asked: list[Sent]) -> list[int]:
        return [answer.status for answer in await asyncio.gather(*[answered(front, sent) for sent in asked])]

    statuses = asyncio.run(evening([*claims_of(api, code, 20), *wishes, *odd]))
    assert statuses == [201] * 25 + [400, 401, 404]
    # Nobody had a thread of his own, and all have gone.
    assert not front._working._threads
    assert (admission_gate.inside, admission_gate.waiting) == (0, 0)
    # The same claims once more; with a key, each by itself, which is kept in the same transaction.
    assert asyncio.run(evening(claims_of(api, code, 20))) == [200] * 20
    assert asyncio.run(evening(claims_of(api, code, 1, **{"idempotency-key": "key-of-mine-1"}))) == [200]
    assert len(front._working._threads) == 1
    with database.write_engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Referral)) == 20


def test_those_who_share_a_thread_are_refused_when_there_are_too_many(
    app: Flask, front: Front, api: Api, database: Database
) -> None:
    code = a_code(api, a_program(api))["code"]
    gate = app.extensions[admission.EXTENSION].gate = Gate(places=1, waiting_max=3)
    inside: list[int] = []

    def see(*_: Any) -> None:
        inside.append(gate.inside)

    event.listen(database.write_engine, "before_cursor_execute", see)

    async def evening() -> list[int]:
        asked = claims_of(api, code, 12)
        return [answer.status for answer in await asyncio.gather(*[answered(front, sent) for sent in asked])]

    statuses = asyncio.run(evening())
    assert statuses.count(503) == gate.refused > 0
    assert statuses.count(201) == 12 - gate.refused > 0
    # Whoever works for them in the database has the one place.
    assert set(inside) == {1}
    assert (gate.inside, gate.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("POST", "/v1/referrals", {}, True),
        ("POST", "/v1/events", {}, True),
        ("POST", "/v1/hooks/src_1", {}, True),
        ("POST", "/v1/programs/prg_1/codes", {}, True),
        ("POST", "/v1/programs/prg_1/codes", {"idempotency-key": "a-key-of-mine"}, False),
        ("GET", "/v1/referrals", {}, False),
        ("POST", "/v1/referrals/", {}, False),
        ("POST", "/v1/programs/a/b/codes", {}, False),
        ("POST", "/v1/programs", {}, False),
    ],
)
def test_who_may_share_a_thread_is_known_from_the_views(
    app: Flask, method: str, path: str, headers: dict[str, str], expected: bool
) -> None:
    assert joint_requests(app)(environ_of(a_request(method, path, headers=headers))) is expected


def test_a_visit_that_cannot_be_answered_at_once_is_flasks(front: Front, api: Api) -> None:
    code = a_code(api, a_program(api))["signed_code"]
    assert ask(front, "GET", f"/r/{code}", headers={"user-agent": "curl/8"}).status == 302
    assert ask(front, "GET", f"/r/{code}x", headers=PERSON).status == 404


def test_a_front_that_is_closed_leaves_no_thread(front: Front) -> None:
    assert ask(front, "GET", "/v1/programs").status == 401
    assert ask(front, "GET", "/healthz").status == 200
    assert ask(front, "POST", "/v1/referrals").status == 401
    threads = front._working._threads | front._passing._threads | {front._sharing._thread}
    assert len(threads) == 3
    front.close()
    assert not any(thread and thread.is_alive() for thread in threads)

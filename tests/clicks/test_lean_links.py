"""Share links ahead of Flask: whatever is asked, the answer, the click, the count and the log line are Flask's."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import structlog
from clicks.test_bots import BOTS, CHROME, PEOPLE
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from signing.key_cast import Seconds
from sqlalchemy import event, update
from structlog.testing import capture_logs
from werkzeug.test import EnvironBuilder

from builders import Api, a_code, a_program, expect
from referral_service.app import close, create_app
from referral_service.clicks.lean_links import LeanLinks
from referral_service.clicks.record import RecordedClick
from referral_service.clicks.views import SHARE_LINKS
from referral_service.codes.models import Code
from referral_service.codes.signed_code import read_signed_code
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.operations.metrics import EXTENSION as METRICS
from referral_service.signing.key_ring import REFRESH_SECONDS
from referral_service.tenants.open_app import OpenedApp

ANY_EXAMPLES = examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Whatever a path may hold: what begins the query or the fragment is not part of it.
ANY_PATH = st.text(st.characters(codec="utf-8", exclude_characters="?#"), max_size=50)
TOKEN = re.compile("ref_click=[0-9A-Z]+")
NEW_ID = re.compile("req_[0-9a-z]{26}")
ODD_HOSTS = [
    "refer.test:8080",
    "127.0.0.1:80",
    "[::1]:8080",
    "a..b",
    "",
    "x" * 64 + ".test",
    "ü.test",
    "a b",
    "-",
    "a.test.",
]


class Kept:
    """Stands in for the buffer: keeps every click."""

    def __init__(self) -> None:
        self.clicks: list[RecordedClick] = []

    def record(self, click: RecordedClick) -> bool:
        self.clicks.append(click)
        return True


@dataclass
class Seen:
    """Everything that anybody can see of an answered request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    clicks: list[RecordedClick]
    counts: Counter[Any] = field(default_factory=Counter)
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_lean(self) -> bool:
        """Only the lean way writes the id itself; in Flask a context does."""
        return any("request_id" in line for line in self.lines)

    def comparable(self) -> tuple[Any, ...]:
        """What must be the same both ways: all but the click's own id and moment."""
        headers = [(name, NEW_ID.sub("req_", TOKEN.sub("ref_click=", value))) for name, value in self.headers]
        clicks = [click._replace(click_id="clk_") for click in self.clicks]
        lines = [
            {key: it for key, it in line.items() if key not in ("request_id", "milliseconds")} for line in self.lines
        ]
        return self.status, sorted(headers), self.body, clicks, self.counts, lines


class Ways:
    """The lean way and Flask's own, into one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        lean = app.wsgi_app
        assert isinstance(lean, LeanLinks)
        self._lean, self._flask = lean, lean._behind
        self._kept = Kept()
        app.extensions[SHARE_LINKS]._clicks = self._kept

    def lean(self, **asked: Any) -> Seen:
        return self._ask(self._lean, asked)

    def flask(self, **asked: Any) -> Seen:
        return self._ask(self._flask, asked)

    def compare(self, **asked: Any) -> Seen:
        """Ask Flask, then the lean way, which knows the link by then; gives the latter's answer."""
        expected, found = self.flask(**asked), self.lean(**asked)
        assert found.comparable() == expected.comparable(), asked
        return found

    def _ask(self, application: Any, asked: dict[str, Any]) -> Seen:
        environ = EnvironBuilder(**{"base_url": "https://refer.test", **asked}).get_environ()
        said: list[Any] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _error: Any = None
        ) -> Callable[[bytes], object]:
            said[:] = [status, headers]
            return lambda _: None

        self._kept.clicks.clear()
        before = self._counted()
        with capture_logs() as lines:
            body = b"".join(application(environ, start_response))
        counts = self._counted()
        counts.subtract(before)
        ours = [dict(line) for line in lines if line["event"] == "request"]
        return Seen(said[0], said[1], body, list(self._kept.clicks), +counts, ours)

    def _counted(self) -> Counter[Any]:
        """How often each was counted, timed or not; how long it took is its own affair."""
        counted: Counter[Any] = Counter()
        for family in self._app.extensions[METRICS].collect():
            for sample in family.samples:
                if sample.name.endswith(("_total", "_count")):
                    counted[sample.name, tuple(sorted(sample.labels.items()))] += int(sample.value)
        return counted


@pytest.fixture(autouse=True)
def _all_logs() -> Iterator[None]:
    """The access log too, which tests leave out otherwise."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    yield
    structlog.configure(wrapper_class=before)


@pytest.fixture
def ways(app: Flask) -> Ways:
    return Ways(app)


@pytest.fixture
def code(api: Api) -> Any:
    program = a_program(api)
    changes = {"landing_url": "https://shop.example/welcome?lang=uk#top", "allowed_hosts": ["m.shop.example"]}
    expect(api.patch(f"/v1/programs/{program['id']}", changes), 200)
    return a_code(api, program)


@pytest.fixture
def links(api: Api, code: Any, tenant: OpenedApp) -> list[str]:
    """Links of every kind, the good ones first."""
    signed = code["signed_code"]
    paused = a_program(api)
    of_paused = a_code(api, paused)["signed_code"]
    expect(api.post(f"/v1/programs/{paused['id']}/pause"), 200)
    revoked = a_code(api, a_program(api))
    expect(api.post(f"/v1/codes/{revoked['code']}/revoke"), 200)
    forged = signed[:-1] + ("A" if signed[-1] != "A" else "B")
    odd = ["", "ZZZZZZZZ", "A" * 1000, f"{signed}/", f"/{signed}", f"{signed}%00", f"{signed} ", "ß", "%FF"]
    return [
        signed,
        signed.lower(),
        of_paused,
        revoked["signed_code"],
        forged,
        f"{tenant.tenant.slug}/{code['code']}",
        *odd,
    ]


def test_a_known_link_is_answered_ahead_of_flask_as_flask_answers_it(ways: Ways, code: Any) -> None:
    path = f"/r/{code['signed_code']}"
    assert not ways.lean(path=path, headers={"User-Agent": CHROME}).is_lean, "Nobody has followed it before."
    for query in ("", "ch=whatsapp"):
        found = ways.compare(path=path, query_string=query, headers={"User-Agent": CHROME})
        assert found.is_lean
        assert found.status == "302 FOUND"
        (click,) = found.clicks
        assert click.channel == (query[3:] or None)
        assert dict(found.headers)["Location"].startswith("https://shop.example/welcome?lang=uk&ref=")
        ((line,), id_sent) = found.lines, dict(found.headers)["X-Request-Id"]
        assert line["request_id"] == id_sent


def test_every_browser_of_a_person_goes_the_lean_way(ways: Ways, code: Any) -> None:
    for user_agent in PEOPLE.values():
        headers = {"User-Agent": user_agent, "Sec-Fetch-Dest": "document", "X-Request-Id": "from-outside-1"}
        assert ways.compare(path=f"/r/{code['signed_code']}", headers=headers).is_lean


def test_whatever_is_unusual_goes_to_flask(ways: Ways, code: Any) -> None:
    path, person = f"/r/{code['signed_code']}", {"User-Agent": CHROME}
    unusual: list[dict[str, Any]] = [
        *({"method": method} for method in ("HEAD", "POST", "OPTIONS", "PUT", "BREW")),
        *({"headers": {"User-Agent": user_agent}} for user_agent in [*BOTS.values(), ""]),
        *({"headers": person | {name: "prefetch"}} for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")),
        *({"headers": person | {"Sec-Fetch-Dest": it}} for it in ("iframe", "image", "empty")),
        *(
            {"query_string": it}
            for it in ("to=https://m.shop.example/x", "ch=A", "ch=", "ch=a&ch=b", "x", "ch=%61", "&")
        ),
        *({"headers": person | {"Host": host}} for host in ("a..b", "", "x" * 64, "a b", "[::1]")),
        {"headers": person | {"Cookie": "c" * 17_000}},
        {"data": b"x" * 70_000},
        {"data": b"x"},
        {"headers": person | {"Transfer-Encoding": "chunked"}},
    ]
    for asked in unusual:
        assert not ways.compare(**{"path": path, "headers": person, **asked}).is_lean, asked


def test_links_of_every_kind_answer_the_same_both_ways(ways: Ways, links: list[str]) -> None:
    lean = [ways.compare(path=f"/r/{link}", headers={"User-Agent": CHROME}).is_lean for link in links]
    assert lean == [True, True, *[False] * (len(links) - 2)]


@ANY_EXAMPLES
@given(data=st.data())
def test_any_request_is_answered_the_same_both_ways(ways: Ways, links: list[str], data: st.DataObject) -> None:
    draw = data.draw
    headers = {"User-Agent": draw(st.sampled_from([CHROME, CHROME, *PEOPLE.values(), *BOTS.values(), ""]))}
    optional = {
        "Host": st.sampled_from(ODD_HOSTS),
        "Accept": st.sampled_from(["text/html", "*/*", "application/json"]),
        "X-Request-Id": st.sampled_from(["from-outside-1", "short", "x" * 65, "a b c d e f g", "é" * 9]),
        "Sec-Fetch-Dest": st.sampled_from(["document", "iframe", "DOCUMENT", ""]),
        "Sec-Purpose": st.sampled_from(["prefetch", "none", ""]),
        "Content-Length": st.sampled_from(["0", "", "70000", "x"]),
        "X-Forwarded-For": st.just("203.0.113.9"),
        "Cookie": st.sampled_from(["a=b", "c" * 17_000]),
    }
    for name in draw(st.sets(st.sampled_from(sorted(optional)), max_size=3)):
        headers[name] = draw(optional[name])
    query = st.one_of(
        st.just(""),
        st.from_regex(r"(ch|to|x)=[a-zA-Z0-9_%&=-]{0,40}", fullmatch=True),
        st.sampled_from(
            ["ch=mail", "to=https://m.shop.example/a", "to=https://evil.example", "ch=a&to=b", "ch=" + "a" * 33]
        ),
    )
    ways.compare(
        path="/r/" + draw(st.one_of(st.sampled_from(links[:2]), st.sampled_from(links), ANY_PATH)),
        method=draw(st.sampled_from(["GET"] * 6 + ["HEAD", "POST", "OPTIONS"])),
        query_string=draw(query),
        headers=headers,
    )


@pytest.mark.parametrize(
    "changed",
    [{"base_url": "http://127.0.0.1:8080"}, {"development": True}, {"trusted_proxies": 1}, {"rate_limits": True}],
    ids=lambda it: next(iter(it)),
)
def test_the_settings_mean_the_same_both_ways(
    settings: Settings, clock: FixedClock, database: Database, code: Any, changed: dict[str, Any]
) -> None:
    other = create_app(replace(settings, **changed), clock=clock, database=database)
    ways, headers = Ways(other), {"User-Agent": CHROME, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    for _ in range(40):
        assert ways.compare(path=f"/r/{code['signed_code']}", headers=headers).is_lean
    deep = "to=http://m.shop.example/item"
    assert not ways.compare(path=f"/r/{code['signed_code']}", query_string=deep, headers=headers).is_lean
    close(other)


def test_a_test_apps_links_are_flasks(ways: Ways, trial_api: Api) -> None:
    code = a_code(trial_api, a_program(trial_api))
    for _ in range(2):
        assert not ways.compare(path=f"/r/{code['signed_code']}", headers={"User-Agent": CHROME}).is_lean


def test_a_link_whose_click_cannot_be_proved_is_flasks_to_answer_and_leaves_no_click(
    ways: Ways, app: Flask, code: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"path": f"/r/{code['signed_code']}", "headers": {"User-Agent": CHROME}}
    assert ways.compare(**asked).is_lean
    for way in ("current", "at_hand"):
        monkeypatch.setattr(app.extensions[SHARE_LINKS]._key_ring, way, lambda: 1 / 0)
    failed = ways.compare(**asked)
    assert (failed.status[:3], failed.clicks, failed.is_lean) == ("500", [], False)


def test_the_lean_way_never_asks_the_database(ways: Ways, app: Flask, code: Any, database: Database) -> None:
    seconds, ring = Seconds(), app.extensions[SHARE_LINKS]._key_ring
    ring._monotonic = seconds
    asked: dict[str, Any] = {"path": f"/r/{code['signed_code']}", "headers": {"User-Agent": CHROME}}
    ring.forget()
    assert ways.compare(**asked).is_lean
    asked_for: list[str] = []
    event.listen(database.read_engine, "before_cursor_execute", lambda *args: asked_for.append(args[2]))
    seconds.pass_by(REFRESH_SECONDS)
    # The keys are to be looked up again, which may take as long as it likes: the event loop does not wait for it.
    assert ways._lean.answer(EnvironBuilder(base_url="https://refer.test", **asked).get_environ()) is None
    with ring._reading:
        # Somebody does already, and until then those at hand will do.
        assert ways._lean.answer(EnvironBuilder(base_url="https://refer.test", **asked).get_environ()) is not None
    assert asked_for == []
    assert ways.compare(**asked).is_lean
    assert any("FROM signing_keys" in statement for statement in asked_for)


def test_a_code_revoked_elsewhere_leads_nowhere_once_three_seconds_are_over(ways: Ways, app: Flask, code: Any) -> None:
    links = app.extensions[SHARE_LINKS]
    seconds = Seconds()
    links._genuine._monotonic = links._landings._cache._monotonic = seconds
    asked: dict[str, Any] = {"path": f"/r/{code['signed_code']}", "headers": {"User-Agent": CHROME}}
    assert ways.compare(**asked).is_lean
    service: Service = app.extensions[EXTENSION]
    folded, revoked = read_signed_code(service.key_ring, code["signed_code"]), update(Code).values(state="revoked")
    service.database.transact(lambda session: session.execute(revoked.where(Code.folded == folded.folded)))
    seconds.pass_by(2.9)
    assert ways.lean(**asked).is_lean
    seconds.pass_by(0.1)
    assert not ways.lean(**asked).is_lean
    assert ways.compare(**asked).status == "404 NOT FOUND"

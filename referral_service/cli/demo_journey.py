"""The whole journey, played against a running service over HTTP as an app and its customers would."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson

from referral_service.cli.answers import CommandFailed, ExitCode
from referral_service.kit.clock import Clock, format_rfc3339

HOLD_DAYS = 14
PRICE_MINOR, REWARD_MINOR = 5000, 1000
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LANDING_URL = "https://shop.example/welcome"
TERMS = {
    "currency": "USD",
    "rewards": [
        {
            "key": f"{side}_credit",
            "side": side,
            "on": "converted",
            "give": {"kind": "credit", "amount_minor": REWARD_MINOR},
            "hold_days": HOLD_DAYS,
        }
        for side in ("referrer", "referee")
    ],
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that happened: who did it, what, and what came of it."""

    who: str
    did: str
    outcome: str


@dataclass(slots=True)
class Facts:
    """What the journey has shown, in the words of the API."""

    app_id: str = ""
    program_id: str = ""
    code: dict[str, Any] = field(default_factory=dict)
    redirect: str = ""
    referral_id: str = ""
    purchase: dict[str, Any] = field(default_factory=dict)
    repeated: dict[str, Any] = field(default_factory=dict)
    held: list[dict[str, Any]] = field(default_factory=list)
    released: list[dict[str, Any]] = field(default_factory=list)
    reversed: list[dict[str, Any]] = field(default_factory=list)
    balances: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    explanation: dict[str, Any] = field(default_factory=dict)
    referral: dict[str, Any] = field(default_factory=dict)


class Journey:
    """Alice refers Bob, in a test app of their own. `scenes` are played one by one; `facts` fill as they are."""

    def __init__(self, http: httpx.Client, *, operator_key: str, clock: Clock) -> None:
        self.facts = Facts()
        self._http = http
        self._operator_key = operator_key
        self._clock = clock
        self._key = ""
        self._source: dict[str, Any] = {}
        self._click = ""

    @property
    def scenes(self) -> tuple[Callable[[], Scene], ...]:
        return (
            self._open_app,
            self._make_program,
            self._issue_code,
            self._follow_link,
            self._claim,
            self._buy,
            self._buy_again,
            self._look_at_held,
            self._wait_out_the_hold,
            self._look_at_balances,
            self._explain,
            self._refund,
            self._look_at_the_end,
        )

    def play(self) -> Iterator[Scene]:
        """Yield what happens, scene by scene; raise CommandFailed where the service does not play along."""
        for scene in self.scenes:
            yield scene()

    def _open_app(self) -> Scene:
        body = {"name": "Demo journey", "mode": "test"}
        app = self._call("POST", "/v1/apps", body, key=self._operator_key)
        self.facts.app_id, self._key = app["id"], app["api_key"]
        self._source = self._call("POST", "/v1/sources", {"provider": "standard"})
        return Scene("The operator", "opens a test app", app["id"])

    def _make_program(self) -> Scene:
        body = {"name": "Give 10, get 10", "landing_url": LANDING_URL, "terms": TERMS}
        program_id = self._call("POST", "/v1/programs", body)["id"]
        self._call("POST", f"/v1/programs/{program_id}/activate")
        self.facts.program_id = program_id
        said = f"{_money(REWARD_MINOR)} for both sides, held for {HOLD_DAYS} days"
        return Scene("The app", "activates a program", said)

    def _issue_code(self) -> Scene:
        person = {"email": "alice@example.com", "display_name": "Alice"}
        self._call("PUT", "/v1/customers/alice", person)
        path = f"/v1/programs/{self.facts.program_id}/codes"
        self.facts.code = self._call("POST", path, {"customer_id": "alice"})
        return Scene("Alice", "gets a code to share", self.facts.code["code"])

    def _follow_link(self) -> Scene:
        # By the path alone: the service may be known to the world by another name than to this machine.
        path = urlsplit(self.facts.code["share_url"]).path
        answer = self._send("GET", path, headers={"User-Agent": BROWSER})
        self.facts.redirect = answer.headers.get("location", "")
        tokens = parse_qs(urlsplit(self.facts.redirect).query).get("ref_click", [])
        if answer.status_code not in {302, 303, 307} or not tokens:
            raise _unexpected("GET", path, answer)
        self._click = tokens[0]
        return Scene("Bob", "follows her link", "a click, and on to " + (urlsplit(self.facts.redirect).hostname or ""))

    def _claim(self) -> Scene:
        body = {
            "click_token": self._click,
            "referee": {"customer_id": "bob", "email": "bob@example.com"},
        }
        self.facts.referral_id = self._call("POST", "/v1/referrals", body)["id"]
        return Scene("The app", "claims the referral as Bob signs up", self.facts.referral_id)

    def _buy(self) -> Scene:
        self.facts.purchase = self._hook(
            {
                "id": "demo-purchase",
                "type": "purchase",
                "customer_id": "bob",
                "order_id": "demo-order",
                "amount": {"amount_minor": PRICE_MINOR, "currency": "USD"},
                "occurred_at": format_rfc3339(self._clock.now()),
            }
        )
        return Scene("Bob", f"buys for {_money(PRICE_MINOR)}; a signed webhook says so", self.facts.purchase["outcome"])

    def _buy_again(self) -> Scene:
        body = {
            "id": "demo-purchase-told-twice",
            "type": "purchase",
            "customer_id": "bob",
            "order_id": "demo-order",
            "amount": {"amount_minor": PRICE_MINOR, "currency": "USD"},
            "occurred_at": format_rfc3339(self._clock.now()),
        }
        self.facts.repeated = self._hook(body)
        said = "known already: nothing is granted twice" if self.facts.repeated["duplicate"] else "taken as new"
        return Scene("The webhook", "comes a second time, under another id", said)

    def _look_at_held(self) -> Scene:
        self.facts.held = self._rewards()
        return Scene("The service", "grants both rewards at once", _states(self.facts.held))

    def _wait_out_the_hold(self) -> Scene:
        seconds = int(timedelta(days=HOLD_DAYS, hours=1).total_seconds())
        self._call("POST", "/v1/test-clock/advance", {"seconds": seconds})
        self.facts.released = self._rewards()
        return Scene("The test clock", f"moves on by {HOLD_DAYS} days", _states(self.facts.released))

    def _look_at_balances(self) -> Scene:
        self.facts.balances["released"] = self._balances()
        return Scene("Alice and Bob", "see their credit", _credit(self.facts.balances["released"]))

    def _explain(self) -> Scene:
        self.facts.explanation = self._call("GET", f"/v1/referrals/{self.facts.referral_id}/explain")
        return Scene("Support", "asks why", self.facts.explanation["summary"])

    def _refund(self) -> Scene:
        body = {
            "id": "demo-refund",
            "type": "refund",
            "order_id": "demo-order",
            "refunded_total": {"amount_minor": PRICE_MINOR, "currency": "USD"},
            "occurred_at": format_rfc3339(self._clock.now()),
        }
        outcome = self._hook(body)["outcome"]
        self.facts.reversed = self._rewards()
        return Scene("Bob", "returns what he bought", f"{outcome}: {_states(self.facts.reversed)}")

    def _look_at_the_end(self) -> Scene:
        self.facts.balances["reversed"] = self._balances()
        self.facts.referral = self._call("GET", f"/v1/referrals/{self.facts.referral_id}")
        return Scene("Alice and Bob", "see their credit again", _credit(self.facts.balances["reversed"]))

    def _rewards(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", f"/v1/rewards?referral_id={self.facts.referral_id}")["items"]
        return sorted(found, key=lambda it: it["side"], reverse=True)

    def _balances(self) -> dict[str, list[dict[str, Any]]]:
        return {who: self._call("GET", f"/v1/customers/{who}/balances")["items"] for who in ("alice", "bob")}

    def _hook(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a webhook of the app's own, signed as Standard Webhooks 1.0.0 has it."""
        raw, timestamp = orjson.dumps(body), str(int(self._clock.now().timestamp()))
        message_id = f"msg_{body['id']}"
        key = base64.b64decode(self._source["secret"].removeprefix("whsec_"))
        signature = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + raw, "sha256")
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        }
        path = urlsplit(self._source["url"]).path
        answer = self._send("POST", path, content=raw, headers=headers)
        return _document(answer, "POST", path)

    def _call(self, method: str, path: str, body: object = None, *, key: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key or self._key}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = orjson.dumps(body)
        return _document(self._send(method, path, content=content, headers=headers), method, path)

    def _send(self, method: str, path: str, **sent: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **sent)
        except httpx.TransportError:
            raise unreachable(str(self._http.base_url)) from None


def unreachable(url: str) -> CommandFailed:
    """Return the failure that says where nobody answered."""
    return CommandFailed(
        f"No service answers at {url}. Start it with `referral-service up`, or say --url.",
        code="service_unreachable",
        exit_code=ExitCode.UNREACHABLE,
    )


def _document(answer: httpx.Response, method: str, path: str) -> dict[str, Any]:
    if not answer.is_success:
        raise _unexpected(method, path, answer)
    document: dict[str, Any] = answer.json() if answer.content else {}
    return document


def _unexpected(method: str, path: str, answer: httpx.Response) -> CommandFailed:
    try:
        problem = answer.json()
        said = f"{problem['title']} {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        problem, said = None, "without a reason."
    return CommandFailed(
        f"{method} {path} answered {answer.status_code}: {said}", code="journey_interrupted", problem=problem
    )


def _money(amount_minor: int) -> str:
    return f"{amount_minor / 100:.2f} USD"


def _states(rewards: list[dict[str, Any]]) -> str:
    return ", ".join(f"{it['side']} {_money(it['amount']['amount_minor'])} {it['state']}" for it in rewards)


def _credit(balances: dict[str, list[dict[str, Any]]]) -> str:
    return ", ".join(
        f"{who} {_money(sum(it['available'] for it in items if it['unit'] == 'USD'))}"
        for who, items in balances.items()
    )

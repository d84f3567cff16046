"""The service over HTTP, in the words of `facts`: SHAPES.md is all it knows.

One driver is one test app of its own, so that many histories can share one database and never meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from campaigns.facts import (
    Advance,
    Claim,
    Click,
    Deliver,
    Dispute,
    Enrol,
    Entry,
    Event,
    Govern,
    Handle,
    Happening,
    Purchase,
    Reject,
    RewardName,
    Spend,
    Touch,
    UseCoupon,
)
from campaigns.terms import Terms, time_text
from flask.testing import FlaskClient

# Typed by somebody who misread a code: nobody's.
NOBODYS_CODE = "ZZZZZZZ2"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
# Nothing of a campaign happens before; and so many days a report may span.
EARLIEST, STATS_DAYS = date(2025, 12, 1), 366


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Observed:
    """What a reader sees: the items of GET /v1/referrals and /v1/rewards, and the balances asked for."""

    referrals: list[dict[str, Any]]
    rewards: list[dict[str, Any]]
    balances: dict[str, list[dict[str, Any]]]


class Driver:
    def __init__(self, client: FlaskClient, *, operator_key: str, now: datetime, name: str) -> None:
        self.client = client
        self.key = operator_key
        app = {"name": name, "mode": "test", "now": time_text(now)}
        self.key = self.expect(201, "POST", "/v1/apps", app)["api_key"]
        self.programs: dict[str, str] = {}
        self.codes: dict[tuple[str, str], dict[str, Any]] = {}
        self.tokens: dict[tuple[str, str, datetime], str] = {}
        self.forms = count()
        # What the latest look showed: reward -> item, accepted referral -> id.
        self.rewards: dict[RewardName, dict[str, Any]] = {}
        self.referrals: dict[tuple[str, str], str] = {}

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}"}
        reply = self.client.open(path, method=method, json=body, headers=headers, query_string=query)
        # A bug of the service must not look like an answer that a rule might allow.
        assert reply.status_code < 500, f"{method} {path} {body}: {reply.status_code} {reply.get_data(as_text=True)}"
        return Answer(reply.status_code, reply.get_json(silent=True))

    def expect(self, status: int, method: str, path: str, body: Any = None, **query: str) -> Any:
        answer = self.call(method, path, body, **query)
        assert answer.status == status, f"{method} {path} {body}: {answer}"
        return answer.body

    # -- the stage --------------------------------------------------------------------------------------

    def start_program(self, name: str, terms: Terms) -> None:
        body = {"name": name, "landing_url": "https://app.example/welcome", "terms": terms.document()}
        self.programs[name] = self.expect(201, "POST", "/v1/programs", body)["id"]
        self.expect(200, "POST", f"/v1/programs/{self.programs[name]}/activate")

    def code(self, program: str, customer: str) -> dict[str, Any]:
        """The customer's code; asked for again, it must be the same one."""
        path = f"/v1/programs/{self.programs[program]}/codes"
        known = self.codes.get((program, customer))
        issued: dict[str, Any] = self.expect(200 if known else 201, "POST", path, {"customer_id": customer})
        assert known is None or known["code"] == issued["code"]
        return self.codes.setdefault((program, customer), issued)

    def click(self, click: Click) -> Answer:
        code = self.code(click.program, click.customer)
        path = urlsplit(code["share_url"]).path
        reply = self.client.get(path, headers={"User-Agent": PERSON, "Accept": "text/html"})
        assert reply.status_code in (302, 303, 307), reply.status_code
        query = parse_qs(urlsplit(reply.headers["Location"]).query)
        assert query["ref"] == [code["code"]]
        self.tokens[click.program, click.customer, click.at] = query["ref_click"][0]
        return Answer(200, None)

    # -- what a story tells -----------------------------------------------------------------------------

    def tell(self, entry: Entry) -> Answer:
        if isinstance(entry, Enrol):
            body: dict[str, Any] = {"email": entry.email} if entry.email else {}
            body = {**body, "attributes": dict(entry.attributes)} if entry.attributes else body
            return self.call("PUT", f"/v1/customers/{entry.customer}", body)
        if isinstance(entry, Click):
            return self.click(entry)
        if isinstance(entry, Claim):
            return self.call("POST", "/v1/referrals", self._claim_body(entry))
        if isinstance(entry, Deliver):
            events = [event_body(event) for event in entry.events]
            return self.call("POST", "/v1/events", {"events": events} if entry.batch else events[0])
        if not isinstance(entry, Advance):
            return self.by_hand(entry)
        seconds = int(entry.by.total_seconds())
        return Answer(200, self.expect(200, "POST", "/v1/test-clock/advance", {"seconds": seconds}))

    def by_hand(self, entry: Handle | Spend | UseCoupon | Reject | Govern) -> Answer:
        if isinstance(entry, Handle):
            body = {"reason": "decided in the campaign"} if entry.deed == "void" else None
            return self.call("POST", f"/v1/rewards/{self.rewards[entry.reward]['id']}/{entry.deed}", body)
        if isinstance(entry, Spend):
            spent: dict[str, Any] = {"unit": entry.unit, "amount": entry.amount, "reference": entry.reference}
            return self.call("POST", f"/v1/customers/{entry.customer}/redemptions", spent)
        if isinstance(entry, UseCoupon):
            code = self.rewards[entry.reward]["coupon"]["code"]
            return self.call("POST", f"/v1/coupons/{code}/redeem", {"order_id": entry.order_id})
        if isinstance(entry, Reject):
            body = {"reason": "decided in the campaign"}
            return self.call("POST", f"/v1/referrals/{self.referrals[entry.program, entry.referee]}/reject", body)
        return self.call("POST", f"/v1/programs/{self.programs[entry.program]}/{entry.deed}")

    def _claim_body(self, claim: Claim) -> dict[str, Any]:
        touches = [self._touch(claim.program, touch) for touch in claim.touches]
        evidence = touches[0] if len(touches) == 1 else {"touches": touches}
        at = {} if claim.at is None else {"occurred_at": time_text(claim.at)}
        return {**evidence, "referee": {"customer_id": claim.referee}, **at}

    def _touch(self, program: str, touch: Touch) -> dict[str, str]:
        if touch.referrer is None:
            return {"code": NOBODYS_CODE}
        if touch.clicked_at is not None:
            return {"click_token": self.tokens[program, touch.referrer, touch.clicked_at]}
        # Typed and signed form by turns: they mean the same.
        form = ("code", "signed_code")[next(self.forms) % 2]
        # A code that is known is not asked for again: its program may give none any more.
        known = self.codes.get((program, touch.referrer)) or self.code(program, touch.referrer)
        return {form: known[form]}

    # -- what a reader sees -----------------------------------------------------------------------------

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = self.expect(200, "GET", path, limit="100")
        found += page["items"]
        while page.get("next_cursor"):
            page = self.expect(200, "GET", path, limit="100", cursor=page["next_cursor"])
            found += page["items"]
        return found

    def look(self, customers: list[str]) -> Observed:
        balances = {who: self.expect(200, "GET", f"/v1/customers/{who}/balances")["items"] for who in customers}
        seen = Observed(self.items("/v1/referrals"), self.items("/v1/rewards"), balances)
        names = {program_id: name for name, program_id in self.programs.items()}
        self.rewards = {name_of(item, names): item for item in seen.rewards}
        accepted = [item for item in seen.referrals if item["state"] != "rejected"]
        self.referrals = {(names[i["program_id"]], i["referee"]["customer_id"]): i["id"] for i in accepted}
        return seen

    def misreported(self, seen: Observed, *, now: datetime) -> list[str]:
        """Where a program's stats tell other rewards, or other numbers of claims, than its lists do."""
        wrong = []
        for program_id in self.programs.values():
            claims, rewards = self._reported(program_id, now)
            listed = Counter(item["state"] for item in seen.rewards if item["program_id"] == program_id)
            states = [item["state"] for item in seen.referrals if item["program_id"] == program_id]
            # Among the rejected ones, those that were accepted first are claims; no list tells them apart.
            may_be = range(len(states) - states.count("rejected"), len(states) + 1)
            if rewards != listed or claims not in may_be:
                wrong.append(f"{program_id}: {claims} claims of {may_be}, rewards {rewards} for {listed}")
        return wrong

    def _reported(self, program_id: str, now: datetime) -> tuple[int, Counter[str]]:
        """Claims, and rewards by state, in as many stretches as a report can tell."""
        claims, rewards, end = 0, Counter[str](), now.date() + timedelta(days=1)
        while end > EARLIEST:
            begin = max(EARLIEST, end - timedelta(days=STATS_DAYS - 1))
            span = {"from": begin.isoformat(), "to": end.isoformat()}
            told = self.expect(200, "GET", f"/v1/programs/{program_id}/stats", **span)
            claims, rewards, end = (
                claims + told["claims"],
                rewards + Counter(told["rewards"]),
                begin - timedelta(days=1),
            )
        return claims, rewards


def name_of(item: dict[str, Any], names: Mapping[str, str]) -> RewardName:
    return RewardName(names[item["program_id"]], item["key"], item["customer_id"], item["ordinal"])


def event_body(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = {"id": event.event_id, "occurred_at": time_text(event.occurred_at)}
    if isinstance(event, Purchase | Happening):
        return {**body, **_deed_body(event)}
    body["order_id"] = event.order_id
    if isinstance(event, Dispute):
        return {**body, "type": "dispute", "dispute_id": event.dispute_id, "status": event.status}
    amount = {"amount_minor": event.amount_minor, "currency": event.currency}
    if event.refund_id is None:
        return {**body, "type": "refund", "refunded_total": amount}
    return {**body, "type": "refund", "refund_id": event.refund_id, "amount": amount}


def _deed_body(event: Purchase | Happening) -> dict[str, Any]:
    body: dict[str, Any] = {"type": event.type, "customer_id": event.customer}
    if isinstance(event, Purchase):
        body["order_id"] = event.order_id
    if event.currency is not None:
        body["amount"] = {"amount_minor": event.amount_minor, "currency": event.currency}
    if event.lines:
        body["lines"] = [{"category": name, "amount_minor": amount} for name, amount in event.lines]
    return {**body, "attributes": dict(event.attributes)} if event.attributes else body

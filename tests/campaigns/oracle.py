"""Holds the service to the model: every answer and look is compared under the readings that still stand.

A reading that one answer contradicts is dropped for the rest of the history. None left: the service is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Any

from campaigns.driver import Answer, Observed, name_of
from campaigns.facts import Deliver, Entry, business_key
from campaigns.model import World
from campaigns.pictures import (
    CallVerdict,
    ClaimVerdict,
    EventVerdict,
    Picture,
    Reading,
    RewardPicture,
    Verdict,
    all_readings,
)
from campaigns.terms import Terms


@dataclass(frozen=True, slots=True)
class Step:
    """One thing told, what the service answered, and what a look at it showed afterwards."""

    entry: Entry
    answer: Answer
    observed: Observed


class Oracle:
    """`readings`: those to try, the likeliest first; the others are tried when none of these is left."""

    def __init__(
        self,
        *,
        programs: Mapping[str, Terms],
        ids: Mapping[str, str],
        now: datetime,
        readings: Sequence[Reading] = (),
    ) -> None:
        self.programs = programs
        self.names = {program_id: name for name, program_id in ids.items()}
        self.start = now
        self.steps: list[Step] = []
        self.readings = [*readings, *(r for r in all_readings() if r not in readings)]
        self.world = self._begin()

    def _begin(self) -> World:
        return World(programs=self.programs, now=self.start, reading=self.readings[0])

    def hear(self, entry: Entry, answer: Answer, observed: Observed) -> None:
        step = Step(entry, answer, observed)
        self.steps.append(step)
        wrong = self._wrong(self.world, step)
        if not wrong:
            return
        while wrong_now := self._first_contradiction():
            del self.readings[0]
            if not self.readings:
                told = "\n".join(f"  {n}. {s.entry}" for n, s in enumerate(self.steps, 1))
                raise AssertionError(
                    f"under the likeliest reading left: {wrong}\nunder the last one: {wrong_now}\n"
                    f"after\n{told}\nanswer: {answer}\nseen: {observed}"
                )

    def see(self, observed: Observed) -> None:
        """Compare one more look, after everything heard so far."""
        wrong = wrong_look(self.world.picture(), observed, self.names)
        assert not wrong, f"under the likeliest reading left: {wrong}\nseen: {observed}"

    def _first_contradiction(self) -> list[str]:
        """Compare the whole history under the reading that is now first, and keep its world."""
        self.world = self._begin()
        for step in self.steps:
            if wrong := self._wrong(self.world, step):
                return wrong
        return []

    def _wrong(self, world: World, step: Step) -> list[str]:
        verdict = world.tell(step.entry)
        return [
            *wrong_answer(verdict, step.answer, step.entry),
            *wrong_look(world.picture(), step.observed, self.names),
        ]

    def repeats(self) -> list[str]:
        """I14: what was seen before is answered as it was the first time. Reads the log, after `hear`."""
        first: dict[object, Any] = {}
        wrong = []
        for step in self.steps:
            if not isinstance(step.entry, Deliver):
                continue
            for event, result in zip(step.entry.events, _results(step), strict=True):
                known = first.get(event.event_id) or first.get(business_key(event))
                if result.get("duplicate") and known and _told(known) != _told(result):
                    wrong.append(f"{event} was {_told(known)}, and later {_told(result)}")
                elif not result.get("duplicate") and result.get("outcome") not in (None, "invalid"):
                    first[event.event_id] = first[business_key(event)] = result
        return wrong


def _results(step: Step) -> Sequence[dict[str, Any]]:
    body = step.answer.body
    assert isinstance(step.entry, Deliver)
    results: Sequence[dict[str, Any]] = body["results"] if step.entry.batch else [body]
    return results


def _told(result: Mapping[str, Any]) -> tuple[object, ...]:
    return result["outcome"], result.get("referral_id"), tuple(sorted(result.get("reward_ids") or ()))


def wrong_answer(verdict: Verdict, answer: Answer, entry: Entry) -> list[str]:
    if verdict is None:
        return [] if answer.status in (200, 201) else [f"{entry} answered {answer}"]
    if isinstance(verdict, ClaimVerdict):
        return _wrong_claim(verdict, answer)
    if isinstance(verdict, CallVerdict):
        return _wrong_call(verdict, answer, entry)
    assert isinstance(entry, Deliver)
    if not entry.batch:
        status = {"new": 201, "duplicate": 200, "invalid": 422}[verdict[0].kind]
        if answer.status != status:
            return [f"event: expected {status} for {verdict[0]}, got {answer}"]
        return [] if status == 422 else _wrong_result(verdict[0], answer.body, entry.events[0].event_id)
    if answer.status != 200 or len(answer.body["results"]) != len(verdict):
        return [f"batch: expected 200 with {len(verdict)} results, got {answer}"]
    told = zip(verdict, answer.body["results"], entry.events, strict=True)
    return [wrong for v, result, event in told for wrong in _wrong_result(v, result, event.event_id)]


def _wrong_claim(verdict: ClaimVerdict, answer: Answer) -> list[str]:
    statuses = {
        "accepted": {201},
        "repeated": {200},
        "refused": {409},
        "closed": {404, 409, 410},
        "bad_code": {404, 410},
        "stale": {200, 404, 409, 410},
        "invalid": {422},
    }[verdict.answer]
    if answer.status not in statuses:
        return [f"claim: expected {verdict}, got {answer}"]
    if verdict.answer == "refused" and answer.body["code"] not in verdict.reasons:
        return [f"claim: expected one of {set(verdict.reasons)}, got {answer.body['code']}"]
    if verdict.answer == "refused" and not answer.body.get("referral_id"):
        return ["claim: a refusal names its referral"]
    return []


def _wrong_call(verdict: CallVerdict, answer: Answer, entry: Entry) -> list[str]:
    if answer.status not in ({200, 201} if verdict.done else {409}):
        return [f"{entry}: expected {verdict}, got {answer}"]
    if verdict.codes is not None and not verdict.done and answer.body["code"] not in verdict.codes:
        return [f"{entry}: expected one of {set(verdict.codes)}, got {answer.body['code']}"]
    return []


def _wrong_result(verdict: EventVerdict, result: Mapping[str, Any], event_id: str) -> list[str]:
    if verdict.kind == "invalid":
        fine = result.get("outcome") == "invalid" and "code" in result.get("error", {})
        return [] if fine else [f"event {event_id}: expected invalid with a problem, got {result}"]
    if result.get("duplicate") is not (verdict.kind == "duplicate"):
        return [f"event {event_id}: expected {verdict}, got {result}"]
    if verdict.outcome is not None and result["outcome"] != verdict.outcome:
        return [f"event {event_id}: expected {verdict.outcome}, got {result}"]
    return []


def wrong_look(picture: Picture, seen: Observed, names: Mapping[str, str]) -> list[str]:
    wrong = _wrong_referrals(picture, seen, names)
    places = {item["id"]: (names[item["program_id"]], item["referee"]["customer_id"]) for item in seen.referrals}
    wrong += _wrong_rewards(picture, seen, names, places)
    for customer, items in seen.balances.items():
        shown = {i["unit"]: (i["available"], i["pending"]) for i in items if i["available"] or i["pending"]}
        expected = {unit: sums for (who, unit), sums in picture.balances.items() if who == customer}
        if shown != expected:
            wrong.append(f"balances of {customer}: expected {expected}, got {shown}")
    return wrong


def _wrong_referrals(picture: Picture, seen: Observed, names: Mapping[str, str]) -> list[str]:
    wrong = []
    accepted = dict(picture.accepted)
    rejected: dict[tuple[str, str, str], list[str]] = {}
    for item in seen.referrals:
        referrer, referee = item["referrer"]["customer_id"], item["referee"]["customer_id"]
        place = names[item["program_id"]], referee
        if item["state"] == "rejected":
            rejected.setdefault((*place, referrer), []).append(item["reason"])
            continue
        expected = accepted.pop(place, None)
        if expected is None or (expected.referrer, expected.state) != (referrer, item["state"]):
            wrong.append(f"{place}: expected {expected}, got {item}")
        elif expected.reasons is not None and item["reason"] not in expected.reasons:
            wrong.append(f"{place}: expected one of {set(expected.reasons)}, got {item['reason']}")
    for where in {*picture.rejected, *rejected}:
        reasons, told = picture.rejected.get(where, ()), rejected.get(where, [])
        if not _fits(reasons, told):
            wrong.append(f"{where} rejected: expected {reasons}, got {told}")
    return wrong + ([f"referrals missing: {list(accepted)}"] if accepted else [])


def _fits(reasons: Sequence[frozenset[str]], told: Sequence[str]) -> bool:
    """Whether each row tells a reason that one of those expected may have, and none is left over."""
    return len(reasons) == len(told) and any(
        all(one in allowed for one, allowed in zip(order, reasons, strict=True)) for order in permutations(told)
    )


def _wrong_rewards(
    picture: Picture, seen: Observed, names: Mapping[str, str], places: Mapping[str, tuple[str, str]]
) -> list[str]:
    wrong = []
    expected = dict(picture.rewards)
    for item in seen.rewards:
        name = name_of(item, names)
        reward = expected.pop(name, None)
        referee = places[item["referral_id"]][1] if item["referral_id"] is not None else None
        if reward is None:
            # Not due at all, or a second row for the same fact.
            wrong.append(f"reward {name} was granted once too often: {item}")
        elif problem := _wrong_reward(reward, item, referee):
            wrong.append(f"reward {name}: {problem}; got {item}")
    return wrong + ([f"rewards missing: {list(expected)}"] if expected else [])


def _wrong_reward(reward: RewardPicture, item: Mapping[str, Any], referee: str | None) -> str | None:
    if (referee, item["state"] in reward.states, item["badge"]) != (reward.referee, True, reward.badge):
        return f"expected {reward}"
    if reward.reasons is not None and item["reason"] not in reward.reasons:
        return f"expected {reward}"
    if reward.accept_by is not None and time_of(item["accept_by"]) != reward.accept_by:
        return f"expected {reward}"
    if reward.expires_at is not None and time_of(item["expires_at"]) != reward.expires_at:
        return f"expected {reward}"
    if reward.coupon is not None and item["coupon"]["state"] != reward.coupon:
        return f"expected {reward}"
    if item["kind"] in ("coupon", "custom") or not reward.sized:
        return None
    granted, taken = _size(item["amount"]), _size(item["reversed"])
    if reward.granted is None:
        return None if granted == taken else "expected to be taken away whole"
    return None if (granted, taken) == (reward.granted, reward.reversed) else f"expected {reward}"


def time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _size(amount: Mapping[str, Any]) -> int:
    size = amount["amount_minor"] if "amount_minor" in amount else amount["quantity"]
    assert isinstance(size, int)
    return size

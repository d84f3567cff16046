"""Events that waited (for a referral, or for the purchase they speak of) get their answer once it has come."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from referral_service.events.given import DISPUTE, PURCHASE, REFUND, Answer, Result, strongest
from referral_service.events.register import Told, events, write_answers
from referral_service.journeys.settling.judge import Settled
from referral_service.journeys.telling.answers import fact_result, taken_back_result

# Why a refund or a dispute waits; a purchase may wait for whatever reason its code was refused, too.
WAITING_REASONS = ("no_referral", "no_purchase")


def answer_waiting(session: Session, *, app_id: int, settled: Iterable[Settled], but: Iterable[str] = ()) -> None:
    """Rewrite the outcomes of waiting events about the settled referees' purchases; `but` are events not to touch."""
    by_purchase: dict[str, list[Settled]] = {}
    for item in settled:
        for fact in item.facts:
            by_purchase.setdefault(fact.id, []).append(item)
    if not by_purchase:
        return
    waiting = session.execute(
        select(events.c.id, events.c.external_id, events.c.type, events.c.purchase_id).where(
            events.c.app_id == app_id,
            events.c.purchase_id.in_(sorted(by_purchase)),
            events.c.outcome == "parked",
            or_(events.c.type == PURCHASE, events.c.reason.in_(WAITING_REASONS)),
            events.c.duplicate_of.is_(None),
        )
    ).all()
    left_alone = set(but)
    told: list[Told] = []
    for event_id, external_id, kind, purchase_id in waiting:
        if event_id in left_alone:
            continue
        concerned = by_purchase[purchase_id]
        results: list[Result] = []
        if kind == PURCHASE:
            results = [fact_result(item, purchase_id) for item in concerned]
        elif kind in (REFUND, DISPUTE):
            results = [taken_back_result(item, purchase_id) for item in concerned]
        if results:
            best = strongest(results)
            answer = Answer(event_id, external_id, best.outcome, best.reason, results=results)
            told.append(Told(answer, concerned[0].referral.referee_id, purchase_id))
    write_answers(session, app_id=app_id, told=told, is_first=False)

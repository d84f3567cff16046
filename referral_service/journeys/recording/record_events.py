"""Record facts and settle what they change: the one way in for the API, every webhook, batches and backfills.

A list in, set-wise reads, pure policy, set-wise writes, whatever the length. The steps of one round:

    events       once per source and id; the unique key decides
    purchases    found or made under all their names, and locked
    refunds      and disputes: rows that are unique per purchase, and what they add up to
    people       locked; a purchase that carries a code claims
    referrals    locked, and settled from all their facts
    answers      what each event meant, kept with it

Events of one list that concern the same person or order go into successive rounds of the same transaction, so that
each is answered for what it did itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.lock_customers import lock_customers
from referral_service.events.given import DISPUTE, PURCHASE, REFUND, Answer, GivenEvent, Result, strongest
from referral_service.events.purchases import (
    lock_purchases,
    save_purchases,
)
from referral_service.events.register import (
    Told,
    assign_customers,
    event_ids,
    first_answers,
    insert_new_events,
    write_answers,
)
from referral_service.events.take_back import DisputeOf, RefundOf, add_up, record_disputes, record_refunds
from referral_service.journeys.claiming.claim_by_purchase import claim_by_purchase
from referral_service.journeys.claiming.hold_places import hold_places
from referral_service.journeys.recording.find_purchases import find_purchases
from referral_service.journeys.recording.own_facts import own_facts
from referral_service.journeys.recording.people_of import people_of
from referral_service.journeys.recording.round import Round, split_into_rounds
from referral_service.journeys.settling.judge import Settled
from referral_service.journeys.settling.own_rewards import own_items
from referral_service.journeys.settling.plan_rewards import Item
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.spending.cancel_coupon_orders import restore_coupons_of_cancelled
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.journeys.telling.answers import (
    fact_result,
    own_results,
    taken_back_result,
    together,
    would_stand,
)
from referral_service.journeys.tools import Tools
from referral_service.kit.ids import new_id
from referral_service.referrals.store import lock_referrals_of, move_counted
from referral_service.rewards.move_facts import move_facts


def record_events(
    session: Session,
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    given: Sequence[GivenEvent],
    now: datetime,
    estimate: bool = False,
) -> list[Answer]:
    """Record `given` and carry out what follows; one answer each, in their order. `now` is business time.

    An `estimate` grants nothing and locks no limit: it says what would happen, and its caller keeps nothing of it.
    Nothing here raises for what an event says: what cannot be used yet is parked with a reason.
    """
    if not given:
        return []
    fresh = [(new_id("evt"), event) for event in given]
    inserted = insert_new_events(session, app_id=app_id, source_id=source_id, given=dict(fresh), now=now)
    rounds = split_into_rounds(given)
    if len(rounds) > 1:
        new = {event_id: event for event_id, event in fresh if event_id in inserted}
        _hold_all(session, new, tools=tools, app_id=app_id, source_id=source_id, now=now, estimate=estimate)
    answers: dict[int, Answer] = {}
    for indexes in rounds:
        part = dict(fresh[index] for index in indexes)
        found = _record_round(
            session, part, inserted, tools=tools, app_id=app_id, source_id=source_id, now=now, estimate=estimate
        )
        answers.update(zip(indexes, found, strict=True))
    return [answers[index] for index in range(len(given))]


def _hold_all(
    session: Session,
    new: dict[str, GivenEvent],
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    now: datetime,
    estimate: bool,
) -> None:
    """Take the locks of every round before the first: one round after another would take them in no order at all."""
    people = people_of(session, emails=tools.emails, app_id=app_id, given=new, now=now)
    by_source: dict[str, list[Sequence[str]]] = {}
    for event in new.values():
        if event.aliases:
            by_source.setdefault(event.order_source_id or source_id, []).append(event.aliases)
    wanted = {person.customer_id for person in people.values()}
    for order_source, groups in sorted(by_source.items()):
        rows = lock_purchases(session, app_id=app_id, source_id=order_source, groups=groups)
        wanted |= {row.customer_id for row in rows.values()}
    lock_customers(session, app_id=app_id, ids=[who for who in wanted if who is not None])
    if not estimate:
        hold_places(session, tools=tools, app_id=app_id, events=new.values(), now=now)


def _record_round(
    session: Session,
    fresh: dict[str, GivenEvent],
    inserted: set[str],
    *,
    tools: Tools,
    app_id: int,
    source_id: str,
    now: datetime,
    estimate: bool,
) -> list[Answer]:
    this = Round({event_id: event for event_id, event in fresh.items() if event_id in inserted})
    settled: dict[str, Settled] = {}
    own: list[Item] = []
    if this.new:
        find_purchases(session, this, tools=tools, app_id=app_id, source_id=source_id, now=now)
        owners = {event_id: this.customer_of(event_id) for event_id in this.custom}
        assign_customers(session, app_id=app_id, owners={event_id: who for event_id, who in owners.items() if who})
        _take_back(session, this, app_id=app_id, now=now)
        settled, own = _settle(session, this, tools=tools, app_id=app_id, now=now, estimate=estimate)
    answers = _answer(session, this, app_id=app_id, settled=settled, own=own)
    if estimate:
        for event_id, answer in answers.items():
            answer.would_stand = would_stand(settled.values(), own, this.fact_of(event_id))
    seen = [event.external_id for event_id, event in fresh.items() if event_id not in inserted]
    repeated = event_ids(session, app_id=app_id, source_id=source_id, external_ids=seen) if seen else {}
    first_ids = set(repeated.values()) | set(this.duplicate_of.values())
    first = first_answers(session, app_id=app_id, ids=first_ids) if first_ids else {}
    result = []
    for event_id, event in fresh.items():
        origin = this.duplicate_of.get(event_id) or repeated.get(event.external_id)
        if origin is not None:
            told = first[origin]
            result.append(Answer(told.event_id, event.external_id, told.outcome, told.reason, True, told.results))
        else:
            result.append(answers[event_id])
    return result


def _take_back(session: Session, this: Round, *, app_id: int, now: datetime) -> None:
    refunds = [
        RefundOf(this.purchases[event_id], event.refund, event_id, event.occurred_at)
        for event_id, event in this.of_type(REFUND).items()
        if event.refund is not None
    ]
    disputes = [
        DisputeOf(this.purchases[event_id], event.dispute, event_id, event.occurred_at)
        for event_id, event in this.of_type(DISPUTE).items()
        if event.dispute is not None
    ]
    this.duplicate_of |= record_refunds(session, app_id=app_id, given=refunds, now=now)
    this.duplicate_of |= record_disputes(session, app_id=app_id, given=disputes, now=now)
    rows = {row.id: row for row in [item.purchase for item in refunds] + [item.purchase for item in disputes]}
    before = {row.id: (row.refunded_minor, row.dispute_state) for row in rows.values()}
    add_up(session, app_id=app_id, purchases=list(rows.values()))
    changed = [row for row in rows.values() if before[row.id] != (row.refunded_minor, row.dispute_state)]
    save_purchases(session, app_id=app_id, rows=changed)


def _settle(
    session: Session, this: Round, *, tools: Tools, app_id: int, now: datetime, estimate: bool
) -> tuple[dict[str, Settled], list[Item]]:
    # One that only repeats may still have shown that two purchases are one.
    alive = {event_id for event_id in this.new if event_id not in this.duplicate_of or this.has_learned_by(event_id)}
    claiming = {event_id: event for event_id, event in this.of_type(PURCHASE).items() if event.claims}
    customers = {this.customer_of(event_id) for event_id in alive | claiming.keys()} - {None}
    people = lock_customers(session, app_id=app_id, ids=[str(who) for who in customers])
    if not estimate:
        hold_places(session, tools=tools, app_id=app_id, events=claiming.values(), now=now)
    for event_id, event in claiming.items():
        who = this.customer_of(event_id)
        if who is None:
            continue
        has_claimed, this.claims[event_id] = claim_by_purchase(
            session, tools=tools, app_id=app_id, event=event, buyer=people[who], now=now, estimate=estimate
        )
        if has_claimed and event_id in this.duplicate_of:
            # It says again what was paid, and for the first time how the buyer came.
            del this.duplicate_of[event_id]
            this.learn(this.purchases[event_id])
    referrals = lock_referrals_of(session, app_id=app_id, referee_ids=sorted(people))
    for survivor, old in sorted(this.merged.items()):
        # Only now is everything held that stands on them.
        move_counted(session, app_id=app_id, old=old, new=survivor)
        move_facts(session, app_id=app_id, old=old, new=survivor, customer_ids=people)
    own = own_items(session, app_id=app_id, facts=own_facts(this, alive, now=now), merged=this.merged)
    settled = settle(session, app_id=app_id, referrals=referrals, own=own, now=now, estimate=estimate)
    if not estimate:
        restore_coupons_of_cancelled(session, app_id=app_id, order_names=_cancelled(this), now=now)
    return settled, own


def _cancelled(this: Round) -> set[str]:
    """The names of this round's orders of which everything has been given back, whichever message came last."""
    names: set[str] = set()
    for event_id, row in this.purchases.items():
        is_refunded = row.refunded_minor and row.amount_minor is not None and row.refunded_minor >= row.amount_minor
        if is_refunded and event_id not in this.duplicate_of:
            names |= {*this.new[event_id].aliases, *([row.order_key] if row.order_key else [])}
    return names


def _answer(
    session: Session, this: Round, *, app_id: int, settled: dict[str, Settled], own: Sequence[Item]
) -> dict[str, Answer]:
    by_referee: dict[str, list[Settled]] = {}
    for item in settled.values():
        by_referee.setdefault(item.referral.referee_id, []).append(item)
    answers: dict[str, Answer] = {}
    for event_id, event in this.new.items():
        if event_id in this.duplicate_of:
            continue
        theirs = by_referee.get(this.customer_of(event_id) or "", [])
        answers[event_id] = _answer_one(this, event_id, event, theirs, own)
    about = {event_id: row.id for event_id, row in this.purchases.items()}
    told = [
        Told(
            answer,
            this.customer_of(answer.event_id),
            about.get(answer.event_id),
            this.duplicate_of.get(answer.event_id),
        )
        for answer in [*answers.values(), *_repeats(this)]
    ]
    write_answers(session, app_id=app_id, told=told, is_first=True)
    awaited = [item for item in settled.values() if any(fact.id in this.learned_of for fact in item.facts)]
    # A refund may have waited for its purchase, or a purchase for its person.
    if any(not row.is_new for row in this.purchases.values()):
        answer_waiting(session, app_id=app_id, settled=awaited, but=answers)
    return answers


def _repeats(this: Round) -> list[Answer]:
    return [
        Answer(event_id, this.new[event_id].external_id, "recorded", "repeats", True) for event_id in this.duplicate_of
    ]


def _answer_one(
    this: Round, event_id: str, event: GivenEvent, theirs: Sequence[Settled], own: Sequence[Item]
) -> Answer:
    purchase = this.purchases.get(event_id)
    fact_id = this.fact_of(event_id)
    results: list[Result] = []
    reason: str | None = "no_referral"
    if event.type in (REFUND, DISPUTE) and purchase is not None:
        if purchase.confirmed_at is None:
            reason = "no_purchase"
        elif event.refund is not None and event.refund.amount.currency != purchase.currency:
            reason = "wrong_currency"
        else:
            results = [taken_back_result(item, fact_id) for item in theirs]
    else:
        results = [fact_result(item, fact_id) for item in theirs]
        reason = this.claims.get(event_id) or this.people[event_id].reason or reason
    results = together(results, own_results(own, this.customer_of(event_id) or "", fact_id))
    if not results:
        return Answer(event_id, event.external_id, "parked", reason)
    best = strongest(results)
    return Answer(event_id, event.external_id, best.outcome, best.reason, results=results)

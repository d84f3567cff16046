"""From what is due to plans for rewards: stored ones are changed, new ones granted as far as the limits let them.

The order of the items is the order of grants: ordinals, caps and budgets follow it. What can be decided without the
database is: `rewards/dues.py` says what is due, `rewards/limits.py` and `fitting.py` what fits, `rewards/plan.py` the
steps. Here is what they ask of the database, in the one order of locks: anchors, budgets, reservations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.attributes_of import attributes_of, erased_among
from referral_service.journeys.settling.announce_budgets import budget_changes
from referral_service.notifications.announce import Change
from referral_service.programs.newest_terms import newest_terms
from referral_service.rewards.anchors import (
    counted_already,
    insert_ordinals,
    lock_anchors,
    lock_budgets,
    read_reservations,
    save_limits,
    used_in,
)
from referral_service.rewards.dues import Due
from referral_service.rewards.fitting import (
    DueReward,
    Orphan,
    Subject,
    change_stored,
    grant_new,
    moves_slot,
    reverse_orphan,
)
from referral_service.rewards.limits import LIFETIME, AnchorKey, Limits, period_of
from referral_service.rewards.steps import Holding, Plan


@dataclass(slots=True)
class Item:
    """One referral, or one person's own rewards: what is due, what is stored, and what becomes of it.

    `orphans` are stored rewards whose facts are gone: they are reversed. `reserve` is the (minor units, number) to set
    aside of the budget; something set aside may be held, and `closes_reservation` says that no more is taken of it.
    """

    program_id: str
    referral_id: str | None
    dues: Sequence[Due]
    stored: Sequence[Holding] = ()
    orphans: Sequence[Orphan] = ()
    reserve: tuple[int, int] | None = None
    may_hold_reservation: bool = False
    closes_reservation: bool = False
    back_for: str = "dispute_won"
    plans: list[Plan] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    item: Item
    asked: DueReward
    is_fresh: bool = False


def plan_rewards(
    session: Session, *, app_id: int, items: Sequence[Item], now: datetime, estimate: bool = False
) -> list[Change]:
    """Fill in each item's plans, locking what binds them; gives what is to be announced of budgets.

    An `estimate` locks and writes nothing: what it says of limits is true of this moment only.
    """
    works = [work for item in items for work in _matched(item)]
    _choose_fresh(session, [work for work in works if work.asked.holding is None], app_id=app_id)
    # Most settlings change no reward at all, and most changes no slot: then nothing needs to be locked.
    bound = [work.asked for work in works if work.is_fresh or moves_slot(work.asked, now)]
    limits = _lock(session, items=items, bound=bound, app_id=app_id, now=now, estimate=estimate)
    loaded = limits.anchors_used()
    audience = {asked.due.recipient_id for asked in bound if asked.due.reward.audience}
    attributes = attributes_of(session, app_id=app_id, ids=audience)
    taken: list[tuple[Subject, int]] = []
    for item in items:
        _set_aside(limits, item)
        # First what goes, so that what takes its place finds its slot free.
        item.plans += [reverse_orphan(limits, orphan, now=now) for orphan in item.orphans]
    for work in works:
        if work.asked.holding is not None:
            work.item.plans.append(change_stored(work.asked, limits, now=now))
        elif work.is_fresh:
            told = attributes.get(work.asked.due.recipient_id, {})
            plan = grant_new(work.asked, limits, taken, told, now=now)
            work.item.plans += [plan] if plan is not None else []
    for item in items:
        if item.closes_reservation and item.referral_id is not None:
            limits.give_back(item.referral_id)
    if estimate:
        return []
    insert_ordinals(session, app_id=app_id, taken=taken)
    changes = budget_changes(limits.budgets)
    save_limits(session, app_id=app_id, limits=limits, loaded=loaded)
    return changes


def _matched(item: Item) -> list[_Work]:
    by_subject = {(held.program_id, held.reward_key, held.subject, held.recipient_id): held for held in item.stored}
    return [
        _Work(
            item,
            DueReward(
                due, by_subject.get((due.program_id, due.reward.key, due.subject, due.recipient_id)), item.back_for
            ),
        )
        for due in item.dues
    ]


def _choose_fresh(session: Session, works: Sequence[_Work], *, app_id: int) -> None:
    """Mark the dues that are to be counted now: open ones, within their limits, that were not counted before."""
    open_ones = [work for work in works if work.asked.due.is_open and not work.asked.due.is_past_limit]
    # Only these can have been counted without a reward to show for it.
    silent = {work.asked.subject for work in open_ones if _may_be_silent(work.asked.due)}
    known = counted_already(session, app_id=app_id, asked=silent) if silent else set()
    new = [work for work in open_ones if work.asked.subject not in known]
    lasting = {work.asked.due.recipient_id for work in new if work.asked.due.outlasts_conversion}
    erased = erased_among(session, app_id=app_id, ids=lasting)
    # A limit counts facts, whether or not each of them granted anything.
    given: Counter[tuple[int, str]] = Counter()
    for item in {id(work.item): work.item for work in open_ones}.values():
        lost = {orphan.holding.id for orphan in item.orphans}
        given.update((id(item), held.reward_key) for held in item.stored if held.id not in lost)
    given.update((id(work.item), work.asked.due.reward.key) for work in open_ones if work.asked.subject in known)
    for work in new:
        due, key = work.asked.due, (id(work.item), work.asked.due.reward.key)
        if due.recipient_id in erased:
            continue
        most = due.reward.limit.count
        # A person's own are counted over all of time, by their anchor; see `grant_new`.
        if most is None or due.referral_id is None or given[key] < most:
            given[key] += 1
            work.is_fresh = True


def _may_be_silent(due: Due) -> bool:
    """Whether this fact may have been counted without a reward: by these terms, or by those it was moved from."""
    reward = due.reward
    is_silent = bool(reward.every or reward.milestones or reward.audience)
    # A fact that outlasts a referral may have earned its reward under one that was rejected since.
    return is_silent or due.outlasts_conversion or due.version > 1


def _lock(
    session: Session,
    *,
    items: Sequence[Item],
    bound: Sequence[DueReward],
    app_id: int,
    now: datetime,
    estimate: bool,
) -> Limits:
    """Lock and read what binds these rewards; nothing at all where nothing moves."""
    lost = [orphan.holding for item in items for orphan in item.orphans]
    keys: set[AnchorKey] = {asked.key for asked in bound}
    keys |= {(holding.program_id, holding.reward_key, holding.recipient_id) for holding in lost}
    asking = [item for item in items if item.reserve is not None or item.closes_reservation]
    limits = Limits(anchors=lock_anchors(session, app_id=app_id, keys=keys, estimate=estimate))
    programs = {key[0] for key in keys} | {item.program_id for item in asking}
    if programs:
        newest = newest_terms(session, app_id=app_id, program_ids=programs, hold=not estimate)
        limits.budgets = lock_budgets(session, app_id=app_id, newest=newest, estimate=estimate)
    referrals = {item.referral_id for item in items if item.may_hold_reservation and item.referral_id is not None}
    if referrals:
        limits.reservations = read_reservations(session, app_id=app_id, referral_ids=referrals, estimate=estimate)
    _load_periods(session, limits, bound, app_id=app_id, now=now)
    return limits


def _load_periods(session: Session, limits: Limits, bound: Iterable[DueReward], *, app_id: int, now: datetime) -> None:
    for asked in bound:
        cap = asked.due.reward.cap
        if cap is None:
            continue
        period = period_of(cap.per, asked.holding.created_at if asked.holding else now)
        if period != LIFETIME and (asked.key, period) not in limits.periods:
            limits.periods[asked.key, period] = used_in(session, app_id=app_id, key=asked.key, period=period)


def _set_aside(limits: Limits, item: Item) -> None:
    if item.referral_id is None or item.reserve is None:
        return
    budget = limits.budgets.get(item.program_id)
    if budget is not None and budget.reserves and item.referral_id not in limits.reservations:
        minor, count = item.reserve
        limits.reserve(item.referral_id, item.program_id, minor=minor, count=count)

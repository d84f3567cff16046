"""What people's own purchases and events earn them (side `self`), whether or not anybody referred them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.events.facts_of import purchases_of
from referral_service.journeys.settling.as_fact import as_fact
from referral_service.journeys.settling.plan_rewards import Item
from referral_service.kit.clock import LEEWAY_SECONDS
from referral_service.programs.models import Program, ProgramVersion
from referral_service.programs.terms.conditions import PURCHASE
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import VersionKey, terms_of
from referral_service.referrals.progress import Fact
from referral_service.rewards.dues import Due, own_due
from referral_service.rewards.fitting import Orphan
from referral_service.rewards.policy import rules_from
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import own_rewards_of

LEEWAY = timedelta(seconds=LEEWAY_SECONDS)
VERSIONS = (
    select(Program.id, ProgramVersion.version, ProgramVersion.created_at)
    .join(
        ProgramVersion,
        (ProgramVersion.app_id == Program.app_id) & (ProgramVersion.program_id == Program.id),
    )
    .where(Program.app_id == bindparam("app_id"), Program.rewards_self, Program.status.in_(["active", "paused"]))
    .order_by(Program.id, ProgramVersion.version)
)


NOTHING_MERGED: Mapping[str, Sequence[str]] = {}


def own_items(
    session: Session,
    *,
    app_id: int,
    facts: Mapping[str, Sequence[Fact]],
    merged: Mapping[str, Sequence[str]] = NOTHING_MERGED,
) -> list[Item]:
    """One item for each program and person whose facts (by `cus_…`) earn something, or had earned it before.

    A fact is judged by the newest version at its time; what is stored goes on by the version it was granted under.
    `merged` are purchases that turned out to be another one, by its id: what they earned is taken back.
    """
    if not any(facts.values()):
        return []
    subjects = [_subject(fact) for theirs in facts.values() for fact in theirs]
    gone = {f"{PURCHASE}:{old}" for olds in merged.values() for old in olds}
    stored = own_rewards_of(session, app_id=app_id, subjects=[*subjects, *sorted(gone)])
    versions = session.execute(VERSIONS, {"app_id": app_id}).all()
    if not stored and not versions:
        return []
    wanted: set[VersionKey] = {(row.id, row.version) for row in versions}
    wanted |= {(reward.program_id, reward.version) for reward in stored}
    terms = terms_of(session, app_id=app_id, versions=wanted)
    items = []
    for customer_id, theirs in sorted(facts.items()):
        mine = [reward for reward in stored if reward.recipient_id == customer_id]
        for program_id in sorted({row.id for row in versions} | {reward.program_id for reward in mine}):
            held = [reward for reward in mine if reward.program_id == program_id]
            made = [(row.version, row.created_at) for row in versions if row.id == program_id]
            dues = []
            for fact in sorted(theirs, key=lambda fact: fact.order):
                newest = max((n for n, at in made if at <= fact.occurred_at + LEEWAY), default=None)
                dues += _dues(fact, held, newest, terms, program_id=program_id, customer_id=customer_id)
            orphans = [_orphan(terms, reward) for reward in held if reward.subject in gone]
            if dues or orphans:
                items.append(Item(program_id, None, dues, stored=held, orphans=orphans))
    return items


def own_items_of_purchases(session: Session, *, app_id: int, adopted: Mapping[str, Sequence[str]]) -> list[Item]:
    """What purchases earn whose customer has just become known: their ids, by customer."""
    known = {customer_id: frozenset(ids) for customer_id, ids in adopted.items() if ids}
    bought = purchases_of(session, app_id=app_id, customer_ids=sorted(known))
    facts = {
        customer_id: [as_fact(purchase) for purchase in theirs if purchase.id in known[customer_id]]
        for customer_id, theirs in bought.items()
    }
    return own_items(session, app_id=app_id, facts=facts)


def _dues(
    fact: Fact,
    held: Sequence[Holding],
    newest: int | None,
    terms: Mapping[VersionKey, Terms],
    *,
    program_id: str,
    customer_id: str,
) -> list[Due]:
    known = {reward.reward_key: reward.version for reward in held if reward.subject == _subject(fact)}
    asked = [(version, key) for key, version in known.items()]
    if newest is not None:
        schedule = terms[program_id, newest].schedule
        is_in_time = (schedule.starts_at is None or schedule.starts_at <= fact.occurred_at) and (
            schedule.ends_at is None or fact.occurred_at <= schedule.ends_at
        )
        if is_in_time:
            asked += [
                (newest, reward.key) for reward in terms[program_id, newest].own_rewards if reward.key not in known
            ]
    dues = []
    for version, key in asked:
        own = terms[program_id, version]
        reward = next(reward for reward in own.own_rewards if reward.key == key)
        due = own_due(reward, own, fact, program_id=program_id, version=version, customer_id=customer_id)
        dues += [due] if due is not None else []
    return dues


def _orphan(terms: Mapping[VersionKey, Terms], held: Holding) -> Orphan:
    own = terms[held.program_id, held.version]
    reward = next(it for it in own.rewards if it.key == held.reward_key)
    return Orphan(held, rules_from(own, reward))


def _subject(fact: Fact) -> str:
    return f"{'purchase' if fact.type == PURCHASE else 'event'}:{fact.id}"

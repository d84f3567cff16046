"""Bugs that a hurried hand might write, put into the process that is about to die. The crash points must catch each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy.orm import Session

from referral_service.events.register import insert_new_events
from referral_service.journeys.claiming import settle_claims
from referral_service.journeys.recording import record_events
from referral_service.journeys.settling.settle import settle
from referral_service.ledger.record import record
from referral_service.notifications.announce import announce
from referral_service.notifications.place import place_notifications
from referral_service.rewards import carry_out
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import update_rewards
from referral_service.tenants.kept_answers import KeptAnswers
from referral_service.webhooks_out.deliveries import fan_out
from referral_service.webhooks_out.endpoints import switch


def replace(place: object, original: Callable[..., Any], bug: Callable[..., Any]) -> None:
    """Put the bug where `place` looks for the original. Nothing puts it back: the process ends with the scenario."""
    if vars(place)[original.__name__] is not original:
        raise LookupError(f"{place} no longer calls {original.__name__}.")
    setattr(place, original.__name__, bug)


def the_event_is_committed_before_its_rewards() -> None:
    """So a second delivery finds a duplicate, and nobody is rewarded."""

    def insert_and_commit(session: Session, **given: Any) -> set[str]:
        inserted = insert_new_events(session, **given)
        session.commit()
        return inserted

    replace(record_events, insert_new_events, insert_and_commit)


def the_claim_is_committed_before_it_is_settled() -> None:
    """So the same claim again finds itself made, and the purchase that waited for it goes on waiting."""

    def commit_and_settle(session: Session, **what: Any) -> Any:
        session.commit()
        return settle(session, **what)

    replace(settle_claims, settle, commit_and_settle)


def the_books_are_committed_before_the_reward_changes_state() -> None:
    """So the worker releases a second time what was released."""
    later: list[list[Holding]] = []

    def update_later(_session: Session, *, app_id: int, changed: Iterable[Holding]) -> None:  # noqa: ARG001
        later.append(list(changed))

    def record_and_commit(session: Session, *, app_id: int, **what: Any) -> Any:
        recorded = record(session, app_id=app_id, **what)
        session.commit()
        update_rewards(session, app_id=app_id, changed=later.pop())
        return recorded

    replace(carry_out, update_rewards, update_later)
    replace(carry_out, record, record_and_commit)


def rewards_are_announced_after_their_commit() -> None:
    """So a grant can stand that no webhook ever tells of."""

    def commit_and_announce(session: Session, **what: Any) -> None:
        session.commit()
        announce(session, **what)

    replace(carry_out, announce, commit_and_announce)


def the_idempotency_key_is_committed_before_the_work() -> None:
    """So whoever asks again is told that it was done, and it was not."""
    begin = KeptAnswers.begin

    def begin_and_commit(self: KeptAnswers, session: Session, **what: Any) -> Any:
        kept = begin(self, session, **what)
        session.commit()
        return kept

    replace(KeptAnswers, begin, begin_and_commit)


def positions_are_committed_before_the_deliveries() -> None:
    """So there are notifications that can be pulled, and that no endpoint ever gets."""

    def place_and_commit(session: Session, **what: Any) -> Any:
        placed = place_notifications(session, **what)
        session.commit()
        return placed

    replace(fan_out, place_notifications, place_and_commit)


def endpoints_are_announced_after_they_are_switched_off() -> None:
    """So an endpoint can be off, and nobody knows."""

    def commit_and_announce(session: Session, **what: Any) -> list[str]:
        session.commit()
        return announce(session, **what)

    replace(switch, announce, commit_and_announce)


# The bug, by the name of what it does -> the scenario that must show it.
PLANTED_IN: dict[Callable[[], None], str] = {
    the_event_is_committed_before_its_rewards: "a_purchase_without_a_hold",
    the_claim_is_committed_before_it_is_settled: "a_claim_that_meets_a_waiting_purchase",
    the_books_are_committed_before_the_reward_changes_state: "a_release_by_the_worker",
    rewards_are_announced_after_their_commit: "a_purchase_with_a_hold",
    the_idempotency_key_is_committed_before_the_work: "a_redemption",
    positions_are_committed_before_the_deliveries: "notifications_are_fanned_out",
    endpoints_are_announced_after_they_are_switched_off: "an_endpoint_is_gone",
}
PLANTS = {plant.__name__: plant for plant in PLANTED_IN}

"""Erase a person: empty the customer, expire open referrals, void what is held; totals stay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from referral_service.audit.record import record as record_audit
from referral_service.codes.revoke_codes_of import revoke_codes_of
from referral_service.customers.ensure_customers import find_customers
from referral_service.customers.erase_customer import erase_customer
from referral_service.customers.models import Customer
from referral_service.customers.read_customer import NO_SUCH_CUSTOMER
from referral_service.events.forget_addresses import forget_address
from referral_service.journeys.settling.close_reservations import close_reservations
from referral_service.journeys.settling.void_rewards import void_rewards
from referral_service.journeys.tools import Tools
from referral_service.kit.errors import NotFound
from referral_service.notifications.announce import announce
from referral_service.referrals.policy import EXPIRED, PENDING
from referral_service.referrals.policy import UNDER_REVIEW as REFERRAL_UNDER_REVIEW
from referral_service.referrals.ranks import count_anew
from referral_service.referrals.store import ReferralRow, lock_referrals, referrals, update_referrals
from referral_service.rewards.policy import OFFERED, UNDER_REVIEW, VOIDED
from referral_service.rewards.policy import PENDING as REWARD_PENDING
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import COLUMNS, rewards
from referral_service.tenants.kept_answers import erase_answers
from referral_service.webhooks_in.blank_bodies import blank_bodies_of

REASON = "person_erased"
ENDED_BY_ERASURE = (PENDING, REFERRAL_UNDER_REVIEW, EXPIRED)


def erase(session: Session, *, tools: Tools, app_id: int, external_id: str, actor: str, now: datetime) -> None:
    """Erase the person whom the app calls `external_id`; raise NotFound.

    Open referrals in which the person is either side expire, the person's held rewards are voided, codes are revoked;
    stored bodies and stored answers that carry the person are blanked. What was released stays in
    the books, under an id that leads to nobody.
    """
    found = find_customers(session, app_id=app_id, external_ids=[external_id])
    if not found:
        raise NotFound(NO_SUCH_CUSTOMER)
    customer_id = found[external_id]
    _hold(session, app_id=app_id, customer_id=customer_id)
    ended = _end_open(session, app_id=app_id, customer_id=customer_id, now=now)
    _void_held(session, app_id=app_id, customer_id=customer_id, now=now)
    close_reservations(session, app_id=app_id, referrals=ended, now=now)
    revoke_codes_of(session, app_id=app_id, customer_id=customer_id, now=now)
    erase_answers(session, app_id=app_id, customer_id=customer_id)
    blank_bodies_of(session, app_id=app_id, customer_id=customer_id)
    forget_address(session, app_id=app_id, customer_id=customer_id)
    erase_customer(session, tools.emails, app_id=app_id, customer_id=customer_id, now=now)
    count_anew(session, app_id=app_id, customer_id=customer_id)
    record_audit(
        session,
        app_id=app_id,
        actor=actor,
        action="customer.erased",
        object_id=customer_id,
        details={},
        now=now,
    )


def _hold(session: Session, *, app_id: int, customer_id: str) -> None:
    """Lock the person against everyone, also those who only refer to the row: a claim that is being written comes
    before the erasure and is ended by it, or after it and is refused.
    """
    session.execute(select(Customer.id).where(Customer.app_id == app_id, Customer.id == customer_id).with_for_update())


def _end_open(session: Session, *, app_id: int, customer_id: str, now: datetime) -> list[ReferralRow]:
    """Expire open referrals, under review or not, and give them; one that had expired before cannot be revived by a
    late purchase any more.
    """
    ids = session.scalars(
        select(referrals.c.id).where(
            referrals.c.app_id == app_id,
            referrals.c.state.in_(ENDED_BY_ERASURE),
            or_(referrals.c.referrer_id == customer_id, referrals.c.referee_id == customer_id),
        )
    ).all()
    rows = [row for row in lock_referrals(session, app_id=app_id, ids=ids) if row.state in ENDED_BY_ERASURE]
    ended = [row for row in rows if row.state != EXPIRED]
    changes = [row.turn(EXPIRED, event="referral.expired", reason=REASON, now=now) for row in ended]
    for row in rows:
        row.reason = REASON
    update_referrals(session, app_id=app_id, rows=rows)
    announce(session, app_id=app_id, changes=changes, now=now)
    return ended


def _void_held(session: Session, *, app_id: int, customer_id: str, now: datetime) -> None:
    """Void what is held. What a dispute had voided cannot come back when it is won."""
    unreleased = session.execute(
        select(*COLUMNS)
        .where(
            rewards.c.app_id == app_id,
            rewards.c.recipient_id == customer_id,
            rewards.c.state.in_([REWARD_PENDING, OFFERED, UNDER_REVIEW, VOIDED]),
        )
        .order_by(rewards.c.id)
        .with_for_update()
    )
    held = [Holding(*row) for row in unreleased]
    void_rewards(session, app_id=app_id, rewards=held, reason=REASON, now=now)

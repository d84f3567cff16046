"""Give purchases whose payer was known only by e-mail to the customer who has come to have that e-mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referral_service.customers.lock_customers import lock_customers
from referral_service.customers.models import Customer
from referral_service.events.purchases import adopt_purchases, purchases
from referral_service.journeys.settling.own_rewards import own_items_of_purchases
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.referrals.store import lock_referrals_of


def match_waiting(session: Session, *, app_id: int, now: datetime, limit: int = 100) -> int:
    """Match up to `limit` people with purchases that waited for them; gives how many people.

    An e-mail that several customers have stays ambiguous, and its purchases go on waiting.
    """
    owners = session.execute(
        select(purchases.c.payer_email_index, func.min(Customer.id))
        .join(
            Customer,
            (Customer.app_id == purchases.c.app_id) & (Customer.email_index == purchases.c.payer_email_index),
        )
        .where(purchases.c.app_id == app_id, purchases.c.payer_email_index.is_not(None))
        .group_by(purchases.c.payer_email_index)
        .having(func.count(func.distinct(Customer.id)) == 1)
        .limit(limit)
    ).all()
    if not owners:
        return 0
    lock_customers(session, app_id=app_id, ids=[customer_id for _, customer_id in owners])
    adopted = {
        customer_id: adopt_purchases(session, app_id=app_id, customer_id=customer_id, email_index=email_index)
        for email_index, customer_id in owners
    }
    referrals = lock_referrals_of(session, app_id=app_id, referee_ids=sorted(customer_id for _, customer_id in owners))
    own = own_items_of_purchases(session, app_id=app_id, adopted=adopted)
    settled = settle(session, app_id=app_id, referrals=referrals, own=own, now=now)
    answer_waiting(session, app_id=app_id, settled=settled.values())
    return len(owners)

"""What claims bring about beside their referrals: purchases find their buyers, rewards are given, budget set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.find_by_email import find_by_email
from referral_service.customers.lock_customers import LockedCustomer
from referral_service.events.purchases import adopt_purchases, lock_waiting
from referral_service.journeys.claiming.decide_claims import ClaimOutcome
from referral_service.journeys.settling.own_rewards import own_items_of_purchases
from referral_service.journeys.settling.settle import settle
from referral_service.journeys.telling.answer_waiting import answer_waiting
from referral_service.referrals.store import ReferralRow


def adopt_waiting(session: Session, *, app_id: int, referees: Iterable[LockedCustomer]) -> dict[str, list[str]]:
    """Give locked referees the purchases that waited under an address nobody else has; gives their ids, by `cus_…`."""
    by_address = {referee.email_index: referee.id for referee in referees if referee.email_index is not None}
    owners = find_by_email(session, app_id=app_id, indexes=by_address)
    own = {index for index, customer_id in by_address.items() if owners.get(index) == [customer_id]}
    adopted = {
        by_address[index]: adopt_purchases(session, app_id=app_id, customer_id=by_address[index], email_index=index)
        for index in lock_waiting(session, app_id=app_id, email_indexes=own)
    }
    return {customer_id: ids for customer_id, ids in adopted.items() if ids}


def settle_claims(
    session: Session,
    *,
    app_id: int,
    outcomes: Iterable[ClaimOutcome],
    referrals: Sequence[ReferralRow],
    adopted: Mapping[str, Sequence[str]],
    now: datetime,
) -> list[ClaimOutcome]:
    """Settle locked `referrals` and what the adopted purchases earn, answer the events that waited for it, and give the
    outcomes as they stand then.
    """
    own = own_items_of_purchases(session, app_id=app_id, adopted=adopted)
    settled = settle(session, app_id=app_id, referrals=referrals, own=own, now=now)
    answer_waiting(session, app_id=app_id, settled=settled.values())
    return [
        replace(outcome, referral=settled[outcome.referral.id].referral) if outcome.referral.id in settled else outcome
        for outcome in outcomes
    ]

"""Referrals under review: nothing of today's rules leads there, so tests bring them there by the verbs' own steps."""

from __future__ import annotations

from typing import Any

from builders import Api
from referral_service.kit.db.engines import Database
from referral_service.notifications.announce import announce
from referral_service.referrals.policy import UNDER_REVIEW
from referral_service.referrals.store import lock_referrals, update_referrals


def put_under_review(database: Database, api: Api, referral: Any, *, app_id: int) -> None:
    """Turn a pending referral to `under_review`, announced as every change is."""

    def work(session: Any) -> None:
        (row,) = lock_referrals(session, app_id=app_id, ids=[referral["id"]])
        change = row.turn(UNDER_REVIEW, event="referral.under_review", reason="velocity", now=api.now())
        update_referrals(session, app_id=app_id, rows=[row])
        announce(session, app_id=app_id, changes=[change], now=api.now())

    database.transact(work)

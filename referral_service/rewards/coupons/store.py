"""Coupons read and written set-wise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.ids import fold
from referral_service.rewards.coupons.policy import HeldCoupon
from referral_service.rewards.errors import CouponNotFound
from referral_service.rewards.models import Coupon

coupons = cast(Table, Coupon.__table__)

NAMES = [column.name for column in fields(HeldCoupon)]
COLUMNS = [coupons.c[name] for name in NAMES]
OF_REWARDS = select(*COLUMNS).where(coupons.c.app_id == bindparam("app_id"), among(coupons.c.reward_id, "ids"))
# What may change; the rest of a coupon is fixed when it is made.
UPDATE = (
    update(coupons)
    .where(coupons.c.app_id == bindparam("b_app_id"), coupons.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        redeemed_order=bindparam("b_redeemed_order"),
        redeemed_at=bindparam("b_redeemed_at"),
    )
)


def coupons_of(session: Session, *, app_id: int, reward_ids: Iterable[str]) -> dict[str, HeldCoupon]:
    """Return the coupons of these rewards, by reward id."""
    ids = sorted(reward_ids)
    if not ids:
        return {}
    found = [HeldCoupon(*row) for row in session.execute(OF_REWARDS, {"app_id": app_id, "ids": ids})]
    return {coupon.reward_id: coupon for coupon in found}


def coupon_by_code(session: Session, *, app_id: int, code: str) -> HeldCoupon:
    """Return the coupon of a code as somebody typed it; raise CouponNotFound.

    One look-up by an index, whether or not there can be such a code, so that the time taken tells nothing.
    """
    row = session.execute(
        select(*COLUMNS).where(coupons.c.app_id == app_id, coupons.c.folded == (fold(code) or ""))
    ).one_or_none()
    if row is None:
        raise CouponNotFound
    return HeldCoupon(*row)


def insert_coupons(session: Session, *, app_id: int, new: Sequence[HeldCoupon]) -> set[str]:
    """Write new coupons and return the ids of the rewards whose code was free; the others need another one."""
    rows = session.execute(
        insert_unless_there(session, coupons, "reward_id"), [{"app_id": app_id, **asdict(coupon)} for coupon in new]
    )
    return set(rows.scalars())


def update_coupons(session: Session, *, app_id: int, changed: Iterable[HeldCoupon]) -> None:
    """Write where coupons stand now, in the order of their ids. The rows of their rewards are locked."""
    parameters = [
        {
            "b_app_id": app_id,
            "b_id": coupon.id,
            "b_state": coupon.state,
            "b_redeemed_order": coupon.redeemed_order,
            "b_redeemed_at": coupon.redeemed_at,
        }
        for coupon in sorted(changed, key=lambda coupon: coupon.id)
    ]
    if parameters:
        session.connection().execute(UPDATE, parameters)

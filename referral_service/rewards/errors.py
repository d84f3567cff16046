"""What can be wrong with a call about rewards and the coupons they gave."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, NotFound


class RewardNotFound(NotFound):
    code, status = "reward_not_found", 404
    title = "There is no such reward."
    remedy = "Check the id, and that the key belongs to the app the reward was granted in."


class RewardStateConflict(Conflict):
    code, status = "reward_state_conflict", 409
    title = "The reward's state does not allow this."
    remedy = "Read the reward: `state` and `reason` say where it stands. Nothing was changed."


class OfferOver(Conflict):
    code, status = "offer_over", 409
    title = "The time to accept this reward is over."
    remedy = "Nothing was changed. `accept_by` of the reward says until when it could be accepted."


class CouponNotFound(NotFound):
    code, status = "coupon_not_found", 404
    title = "There is no such coupon."
    remedy = "Check the code for typing mistakes, and that it belongs to this app."


class CouponRedeemed(Conflict):
    code, status = "coupon_redeemed", 409
    title = "This coupon has been used already."
    remedy = "A coupon is good for one order. If that order was cancelled, say so with POST /v1/coupons/{code}/cancel."


class CouponNotYetValid(Conflict):
    code, status = "coupon_not_yet_valid", 409
    title = "This coupon is not valid yet."
    remedy = "Its `valid_from` says from when it can be used."


class CouponExpired(Conflict):
    code, status = "coupon_expired", 409
    title = "This coupon has expired."
    remedy = "Its `valid_until` says until when it could be used."


class CouponRevoked(Conflict):
    code, status = "coupon_revoked", 409
    title = "This coupon has been revoked."
    remedy = "The reward that it belongs to was taken back; its `reason` says why."

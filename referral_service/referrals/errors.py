"""What can be wrong with a claim."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, InvalidRequest, NotFound, Problem


class ReferralNotFound(NotFound):
    code, status = "referral_not_found", 404
    title = "There is no such referral."
    remedy = "Check the id, and that the key belongs to the app the referral was made in."


class InvalidTouch(NotFound):
    code, status = "touch_not_valid", 404
    title = "Nothing in this claim leads to a referrer."
    remedy = "Send a click token, a signed code or a typed code of this app, as it was received."


class ClickExpired(Problem):
    code, status = "click_expired", 410
    title = "The click is too long ago to count."
    remedy = "The program's attribution window has passed; only a new click or a typed code can count now."


class EvidenceNotAccepted(InvalidRequest):
    code, status = "evidence_not_accepted", 422
    title = "This program does not accept this kind of evidence."
    remedy = "See attribution.evidence in the program's terms: it names links, typed codes, or both."


class OccurredInFuture(InvalidRequest):
    code, status = "occurred_in_future", 422
    title = "The time given lies in the future."
    remedy = "Send when it happened; up to a minute ahead of the app's clock is forgiven."


class ClaimRefused(Conflict):
    """A refusal that is kept: the answer names the referral that records it."""


class SelfReferral(ClaimRefused):
    code, status = "self_referral", 409
    title = "Nobody can refer himself."
    remedy = "The referee and the referrer are the same person, by their id or by their e-mail address."


class NotNew(ClaimRefused):
    code, status = "not_new", 409
    title = "The referee bought before."
    remedy = "This program rewards new customers only; see the referral's explanation for the purchase found."


class AlreadyReferred(ClaimRefused):
    code, status = "already_referred", 409
    title = "The referee was already referred by someone else."
    remedy = "The first accepted claim in a program is final."


REFUSALS: dict[str, type[ClaimRefused]] = {kind.code: kind for kind in (SelfReferral, NotNew, AlreadyReferred)}

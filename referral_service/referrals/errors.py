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
    title = "The referee was already referred."
    remedy = (
        "The first accepted claim of a referee in a program is final; among programs that take only people whom no "
        "other such program has (eligibility.one_program_per_referee), so is the first of all."
    )


class NotEligibleReferee(ClaimRefused):
    code, status = "not_eligible_referee", 409
    title = "The program is not for this referee."
    remedy = (
        "The referee's attributes must match eligibility.referee_audience in the program's terms. Tell the service "
        "the referee's attributes (PUT /v1/customers/{customer_id}), then claim again."
    )


class NotEligibleReferrer(ClaimRefused):
    code, status = "not_eligible_referrer", 409
    title = "The program is not for this referrer."
    remedy = (
        "The referrer's attributes must match eligibility.referrer_audience in the program's terms. Tell the service "
        "the referrer's attributes (PUT /v1/customers/{customer_id}), then claim again."
    )


class ReferrerHasNotPurchased(ClaimRefused):
    code, status = "referrer_has_not_purchased", 409
    title = "The referrer has not bought anything yet."
    remedy = (
        "Only customers refer in this program: tell the service of a purchase of the referrer that was made before "
        "the claim, then claim again."
    )


class TooManyReferees(ClaimRefused):
    code, status = "too_many_referees", 409
    title = "The referrer has as many referees as the program allows."
    remedy = (
        "A place comes free when one of the referrer's referrals is rejected; a larger number stands in the "
        "program's terms, as eligibility.max_referees_per_referrer."
    )


class ReviewNotPossible(Conflict):
    """`referral_state` is where the referral stands."""

    code, status = "review_not_possible", 409
    title = "This referral does not wait for that decision."
    remedy = (
        "A referral under review can be approved or rejected, a pending one can be rejected. To take back what a "
        "converted one gave, void its rewards."
    )


REFUSALS: dict[str, type[ClaimRefused]] = {
    kind.code: kind
    for kind in (
        SelfReferral,
        NotNew,
        AlreadyReferred,
        NotEligibleReferee,
        NotEligibleReferrer,
        ReferrerHasNotPurchased,
        TooManyReferees,
    )
}

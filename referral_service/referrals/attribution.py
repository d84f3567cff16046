"""Which touch ties the referee to a referrer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from referral_service.programs.terms.document import Terms
from referral_service.referrals.progress import Window

CLICK, SIGNED_CODE, CODE = "click", "signed_code", "code"
EVIDENCE = {CLICK: "link", SIGNED_CODE: "link", CODE: "code"}
# The app's clock may be a little behind ours.
LEEWAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class TouchSeen:
    """A touch of a claim after its token was read and its code looked up. `reason` says why it cannot count.

    `at` is the time of the click, or of the claim for a code, which has no time of its own.
    """

    n: int
    kind: str
    at: datetime | None
    reason: str | None
    code_id: str | None = None
    program_id: str | None = None
    referrer_id: str | None = None
    click_id: str | None = None
    counted: bool = False

    @property
    def order(self) -> tuple[datetime, int]:
        if self.at is None:
            raise ValueError("a touch that never was a valid one has no place in the order")
        return (self.at, self.n)


def attribute(
    touches: Sequence[TouchSeen], *, terms: Mapping[str, Terms], closed: Mapping[str, str], claimed_at: datetime
) -> tuple[TouchSeen | None, list[TouchSeen]]:
    """Judge `touches` by their programs' terms and pick the one that counts; gives it and all of them with reasons.

    `terms` are the current terms by program, `closed` says why a program takes no claims. Touches of several programs
    make a claim in the program of the latest valid one. Within it the first or the last counts, as its terms say.
    """
    judged = [_judged(touch, terms, closed, claimed_at) for touch in touches]
    valid = [touch for touch in judged if touch.reason is None]
    if not valid:
        return None, judged
    program_id = max(valid, key=lambda touch: touch.order).program_id
    own = sorted((touch for touch in valid if touch.program_id == program_id), key=lambda touch: touch.order)
    chosen = own[0] if terms[program_id or ""].attribution.touch == "first" else own[-1]
    settled = [
        replace(touch, counted=True)
        if touch is chosen
        else replace(touch, reason=touch.reason or ("other_touch" if touch in own else "other_program"))
        for touch in judged
    ]
    return replace(chosen, counted=True), settled


def window_of(touches: Sequence[TouchSeen], *, program_id: str, terms: Terms, claimed_at: datetime) -> Window:
    """When a purchase counts: from the first valid click (no earlier than `late_claim_days` before the claim) on."""
    own = [(touch.kind, touch.at, touch.reason) for touch in touches if touch.program_id == program_id]
    return window_from(own, terms=terms, claimed_at=claimed_at)


def window_from(
    touches: Iterable[tuple[str, datetime | None, str | None]], *, terms: Terms, claimed_at: datetime
) -> Window:
    """The same from the touches of the claim's own program: the kind, the time and the reason of each."""
    earliest = claimed_at - terms.attribution.late_claim
    clicks = [
        at for kind, at, reason in touches if kind == CLICK and at is not None and reason in (None, "other_touch")
    ]
    starts_at = max(earliest, min(clicks)) if clicks else earliest
    # Many senders cut times to whole seconds: a purchase in the second of the click came after it.
    starts_at = starts_at.replace(microsecond=0)
    return Window(starts_at=starts_at, deadline_at=claimed_at + terms.qualification.within)


def _judged(touch: TouchSeen, terms: Mapping[str, Terms], closed: Mapping[str, str], claimed_at: datetime) -> TouchSeen:
    if touch.reason is not None or touch.program_id is None:
        return touch
    rules = terms[touch.program_id].attribution
    reason = closed.get(touch.program_id)
    if reason is None and EVIDENCE[touch.kind] not in rules.evidence:
        reason = "evidence_not_accepted"
    if reason is None and touch.kind == CLICK and touch.at is not None:
        if touch.at < claimed_at - rules.window:
            reason = "outside_window"
        elif touch.at > claimed_at + LEEWAY:
            reason = "after_claim"
    return replace(touch, reason=reason)

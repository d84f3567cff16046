"""Where single claims go in: each in a transaction, and those of newcomers that come together in one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.journeys.claiming.claim import claim
from referral_service.journeys.claiming.claim_newcomers import claim_newcomers
from referral_service.journeys.claiming.decide_claims import REFUSED, ClaimOutcome
from referral_service.journeys.claiming.given import GivenClaim
from referral_service.journeys.telling.tell_people import with_referral_people
from referral_service.journeys.tools import Tools
from referral_service.kit.db.engines import Database
from referral_service.kit.db.joint_work import Aside, JointWork
from referral_service.referrals.document import referral_document


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtClaim:
    """A claim of an app; `now` is its business time."""

    tools: Tools
    app_id: int
    given: GivenClaim
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim led to, and the referral as the app is shown it; no document of a refusal."""

    outcome: ClaimOutcome
    document: dict[str, Any] | None


class ClaimIntake(JointWork[BroughtClaim, Claimed]):
    """Makes claims. One for each application. Raises what `claim` raises."""

    def __init__(self, database: Database, *, aside: Aside = nullcontext) -> None:
        super().__init__(database, _claim_together, alike=lambda brought: brought.app_id, alone=_claim, aside=aside)


def _claim(session: Session, brought: BroughtClaim) -> Claimed:
    outcome = claim(session, tools=brought.tools, app_id=brought.app_id, given=brought.given, now=brought.now)
    return _shown(session, brought.app_id, outcome)


def _claim_together(session: Session, several: Sequence[BroughtClaim]) -> list[Claimed | None]:
    first = several[0]
    outcomes = claim_newcomers(
        session,
        tools=first.tools,
        app_id=first.app_id,
        given=[brought.given for brought in several],
        # They happen at once: when the last of them was there.
        now=max(brought.now for brought in several),
    )
    return [None if outcome is None else _shown(session, first.app_id, outcome) for outcome in outcomes]


def _shown(session: Session, app_id: int, outcome: ClaimOutcome) -> Claimed:
    if outcome.kind == REFUSED:
        return Claimed(outcome, None)
    document = referral_document(outcome.referral)
    return Claimed(outcome, with_referral_people(session, [document], app_id=app_id, known=outcome.names)[0])

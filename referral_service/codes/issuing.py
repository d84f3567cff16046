"""Where single wishes for a code go in: those that come together are granted in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.codes.issue_codes import Issued, Wish, issue_code, issue_codes
from referral_service.kit.db.engines import Database
from referral_service.kit.db.joint_work import Aside, JointWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A wish in an app; `now` is its business time."""

    app_id: int
    wish: Wish
    now: datetime


class Issuing(JointWork[Asked, Issued]):
    """Issues codes. One for each application. Raises what `issue_code` raises."""

    def __init__(self, database: Database, *, aside: Aside = nullcontext) -> None:
        super().__init__(database, _issue_together, alike=lambda asked: asked.app_id, alone=_issue, aside=aside)


def _issue(session: Session, asked: Asked) -> Issued:
    wish = asked.wish
    return issue_code(
        session,
        app_id=asked.app_id,
        program_id=wish.program_id,
        customer_external_id=wish.customer_external_id,
        vanity=wish.vanity,
        now=asked.now,
    )


def _issue_together(session: Session, several: Sequence[Asked]) -> list[Issued | None]:
    """Leaves undone what is refused, and any but the first wish for the same customer and program."""
    wishes = {asked.wish.place: asked.wish for asked in reversed(several)}
    # They happen at once: when the last of them was there.
    now = max(asked.now for asked in several)
    answers = issue_codes(session, app_id=several[0].app_id, wishes=list(wishes.values()), now=now)
    issued = {place: answer for place, answer in zip(wishes, answers, strict=True) if isinstance(answer, Issued)}
    # Taken by the first of each place.
    return [issued.pop(asked.wish.place, None) for asked in several]

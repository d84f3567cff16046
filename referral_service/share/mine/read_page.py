"""What a customer's page is made from: read by one token in one transaction, by as many queries for fifty friends as
for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from referral_service.codes.issue_codes import active_code
from referral_service.journeys.telling.customer_view import (
    REFERRALS_MAX,
    CustomerView,
    RewardLine,
    customer_views,
    reward_line,
)
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.among import among
from referral_service.ledger.balances import Balance, balances
from referral_service.programs.branding import Branding
from referral_service.programs.models import Program
from referral_service.programs.policy import CLOSED, NOT_STARTED, why_no_claims
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.policy import REJECTED
from referral_service.referrals.ranks import conversions_of, rank_of
from referral_service.referrals.store import COLUMNS, ReferralRow, referrals
from referral_service.rewards.anchors import anchors
from referral_service.rewards.coupons.policy import ACTIVE, HeldCoupon
from referral_service.rewards.coupons.store import COLUMNS as COUPON_COLUMNS
from referral_service.rewards.coupons.store import coupons
from referral_service.rewards.policy import AVAILABLE
from referral_service.rewards.read_rewards import list_rewards
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import COLUMNS as REWARD_COLUMNS
from referral_service.rewards.store import rewards
from referral_service.share.mine.people import Face, faces_of
from referral_service.share.tokens import Participant
from referral_service.share.words.sharing import NoLink

REWARDS_MAX = 50
COUPONS_MAX = 20
# Beyond these a number says "many"; nothing is counted any further.
FRIENDS_COUNTED_MAX = 1000
RANK_MAX = 100

_PROGRAM = select(Program.name, Program.status, Program.version, Program.branding, Program.signed_links_only).where(
    Program.app_id == bindparam("app_id"), Program.id == bindparam("program_id")
)
# A claim of somebody's own code is nobody's friend.
_OF_REFERRER = (
    referrals.c.app_id == bindparam("app_id"),
    referrals.c.referrer_id == bindparam("customer_id"),
    referrals.c.program_id == bindparam("program_id"),
    referrals.c.referee_id != referrals.c.referrer_id,
)
_FRIENDS = select(*COLUMNS).where(*_OF_REFERRER).order_by(referrals.c.id.desc()).limit(REFERRALS_MAX + 1)
_FRIENDS_JOINED = select(func.count()).select_from(
    select(referrals.c.id).where(*_OF_REFERRER, referrals.c.state != REJECTED).limit(FRIENDS_COUNTED_MAX + 1).subquery()
)
_OWN_REFERRAL = select(*COLUMNS).where(
    referrals.c.app_id == bindparam("app_id"),
    referrals.c.referee_id == bindparam("customer_id"),
    referrals.c.program_id == bindparam("program_id"),
    referrals.c.state != REJECTED,
)
_ORDINALS = select(anchors.c.reward_key, anchors.c.last_ordinal).where(
    anchors.c.app_id == bindparam("app_id"),
    anchors.c.program_id == bindparam("program_id"),
    # Named, for they stand before the recipient in the key: the program has anchors of everybody else, too.
    among(anchors.c.reward_key, "reward_keys"),
    anchors.c.recipient_id == bindparam("customer_id"),
)
_COUPONS = (
    select(*REWARD_COLUMNS, *(column.label(f"coupon_{column.name}") for column in COUPON_COLUMNS))
    .join(coupons, (coupons.c.app_id == rewards.c.app_id) & (coupons.c.reward_id == rewards.c.id))
    .where(
        rewards.c.app_id == bindparam("app_id"),
        rewards.c.recipient_id == bindparam("customer_id"),
        rewards.c.program_id == bindparam("program_id"),
        rewards.c.kind == "coupon",
        rewards.c.state == AVAILABLE,
        coupons.c.state == ACTIVE,
        coupons.c.redeemed_order.is_(None),
    )
    .order_by(rewards.c.id.desc())
    .limit(COUPONS_MAX)
)


@dataclass(frozen=True, slots=True)
class Friend:
    """One referral of the page's owner. `name`: see `Face`."""

    name: str | None
    view: CustomerView


@dataclass(frozen=True, slots=True)
class OpenCoupon:
    """A coupon that was not used and whose time is not over."""

    coupon: HeldCoupon
    line: RewardLine


@dataclass(frozen=True, slots=True)
class PageData:
    """All that a customer's page says, without a word.

    `folded`, the code, is there unless `no_link` says why not; `typed_code` is it as people write it, where it may be
    typed.
    `friends_joined` counts no further than one beyond FRIENDS_COUNTED_MAX. `rank` is None past RANK_MAX, and for
    whoever has no conversion. `ordinals` are how far each reward's count has come, by its key. `welcome` is the
    referral by which the owner came here.
    """

    participant: Participant
    program_name: str
    branding: Branding
    terms: Terms
    me: Face
    folded: str | None
    typed_code: str | None
    no_link: NoLink | None
    friends: tuple[Friend, ...]
    has_more_friends: bool
    friends_joined: int
    conversions: int
    rank: int | None
    rewards: tuple[RewardLine, ...]
    has_more_rewards: bool
    coupons: tuple[OpenCoupon, ...]
    balances: tuple[Balance, ...]
    ordinals: Mapping[str, int]
    welcome: CustomerView | None

    @property
    def now(self) -> datetime:
        """What the app's clock shows."""
        return self.participant.now


def read_page(session: Session, sealer: Sealer, *, participant: Participant) -> PageData | None:
    """Return what the page of a token's owner shows, None where the program is not there."""
    app_id, now = participant.app_id, participant.now
    whose = {"app_id": app_id, "customer_id": participant.customer_id, "program_id": participant.program_id}
    program = session.execute(_PROGRAM, whose).one_or_none()
    if program is None:
        return None
    newest = (participant.program_id, program.version)
    terms = terms_of(session, app_id=app_id, versions=[newest])[newest]
    code = active_code(session, app_id=app_id, program_id=participant.program_id, customer_id=participant.customer_id)
    no_link = _why_no_link(program.status, terms, has_code=code is not None, now=now)
    found = [ReferralRow(*row) for row in session.execute(_FRIENDS, whose)]
    shown = found[:REFERRALS_MAX]
    faces = faces_of(session, sealer, app_id=app_id, ids=[participant.customer_id, *(row.referee_id for row in shown)])
    views = customer_views(session, app_id=app_id, referrals=shown, viewer="referrer", now=now)
    lines = _rewards(session, participant=participant)
    conversions = conversions_of(session, app_id=app_id, program_id=newest[0], customer_id=participant.customer_id)
    return PageData(
        participant=participant,
        program_name=program.name,
        branding=Branding.from_stored(program.branding, program_id=participant.program_id),
        terms=terms,
        me=faces[participant.customer_id],
        folded=None if code is None or no_link else code.folded,
        typed_code=None if code is None or no_link or program.signed_links_only else code.text,
        no_link=no_link,
        friends=tuple(
            Friend(faces[row.referee_id].name if row.referee_id in faces else None, view)
            for row, view in zip(shown, views, strict=True)
        ),
        has_more_friends=len(found) > len(shown),
        friends_joined=session.execute(_FRIENDS_JOINED, whose).scalar_one(),
        conversions=conversions,
        rank=rank_of(session, app_id=app_id, program_id=newest[0], conversions=conversions, rank_max=RANK_MAX),
        rewards=lines[:REWARDS_MAX],
        has_more_rewards=len(lines) > REWARDS_MAX,
        coupons=_coupons(session, whose, participant=participant),
        balances=tuple(balances(session, app_id=app_id, customer_id=participant.customer_id, now=now)),
        ordinals=_ordinals(session, whose, terms),
        welcome=_welcome(session, whose, participant=participant),
    )


def _why_no_link(status: str, terms: Terms, *, has_code: bool, now: datetime) -> NoLink | None:
    why_not = why_no_claims(status, terms.schedule, made_at=now, now=now)
    if why_not is None:
        return None if has_code else "no_code"
    if why_not == NOT_STARTED or status == "draft":
        return "not_started"
    return "ended" if status in CLOSED or status == "active" else "paused"


def _rewards(session: Session, *, participant: Participant) -> tuple[RewardLine, ...]:
    held = list_rewards(
        session,
        app_id=participant.app_id,
        recipient_id=participant.customer_id,
        referral_id=None,
        state=None,
        program_id=participant.program_id,
        after=None,
        limit=REWARDS_MAX + 1,
    )
    return _lines(session, held, app_id=participant.app_id)


def _ordinals(session: Session, whose: Mapping[str, object], terms: Terms) -> dict[str, int]:
    keys = sorted({reward.key for reward in terms.rewards})
    return {row.reward_key: row.last_ordinal for row in session.execute(_ORDINALS, {**whose, "reward_keys": keys})}


def _coupons(session: Session, whose: Mapping[str, object], *, participant: Participant) -> tuple[OpenCoupon, ...]:
    width = len(REWARD_COLUMNS)
    rows = session.execute(_COUPONS, whose).all()
    held = [(Holding(*row[:width]), HeldCoupon(*row[width:])) for row in rows]
    still = [(holding, coupon) for holding, coupon in held if not coupon.is_over(participant.now)]
    lines = _lines(session, [holding for holding, _ in still], app_id=participant.app_id)
    return tuple(OpenCoupon(coupon, line) for (_, coupon), line in zip(still, lines, strict=True))


def _lines(session: Session, held: list[Holding], *, app_id: int) -> tuple[RewardLine, ...]:
    terms = terms_of(session, app_id=app_id, versions={(holding.program_id, holding.version) for holding in held})
    return tuple(reward_line(holding, terms[holding.program_id, holding.version]) for holding in held)


def _welcome(session: Session, whose: Mapping[str, object], *, participant: Participant) -> CustomerView | None:
    own = [ReferralRow(*row) for row in session.execute(_OWN_REFERRAL, whose)]
    views = customer_views(session, app_id=participant.app_id, referrals=own, viewer="referee", now=participant.now)
    return next(iter(views), None)

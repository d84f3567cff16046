"""What an invitation shows: the program, its offer, and who invites where that person agreed to be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from referral_service.codes.models import Code
from referral_service.customers.models import Customer
from referral_service.customers.profile import open_profile
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.ttl_cache import TtlCache
from referral_service.programs.branding import Branding
from referral_service.programs.models import Program
from referral_service.programs.terms_of import terms_of
from referral_service.share.offer import offer_of
from referral_service.share.promised import Offer
from referral_service.tenants.models import App

# How long a change may take to be seen here; as with share links.
KEPT_SECONDS = 3.0
INVITATIONS_MAX = 10_000

Standing: TypeAlias = Literal["open", "paused", "ended"]
_BY_STATUS: Mapping[str, Standing] = {"active": "open", "paused": "paused", "archived": "ended", "ended": "ended"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that exists. `offset` takes real time to the app's business time; `referrer` None: not named."""

    app_id: int
    program_id: str
    program_name: str
    folded: str
    status: Standing
    signed_links_only: bool
    branding: Branding
    offer: Offer
    referrer: str | None
    offset: timedelta

    def standing(self, now: datetime) -> Standing:
        """Whether it can be accepted at `now`, business time."""
        if self.status != "open":
            return self.status
        if self.offer.ends_at is not None and now >= self.offer.ends_at:
            return "ended"
        return "paused" if self.offer.starts_at is not None and now < self.offer.starts_at else "open"


class Invitations:
    """Finds invitations by signed code or by app slug and typed code; bounded, and never older than three seconds."""

    def __init__(
        self, database: Database, sealer: Sealer, *, monotonic: Callable[[], float] = monotonic_seconds
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._cache: TtlCache[tuple[int | str, str], tuple[Invitation | None, bool]] = TtlCache(
            entries_max=INVITATIONS_MAX, ttl_seconds=KEPT_SECONDS, monotonic=monotonic
        )

    def find(self, app: int | str, folded: str) -> Invitation | None:
        """Return the invitation of a code of an app, given by its number or its slug.

        None where there is none, where the code was revoked, and where the program has never begun. Costs the same
        whether or not it exists.
        """

        def load() -> tuple[Invitation | None, bool]:
            return self._database.read(lambda session: _load(session, self._sealer, app, folded))

        found, is_live = self._cache.get_or_load((app, folded), load)
        if not is_live:
            # Whoever tries a program out wants to see what he has just changed.
            found, _ = load()
        return found


def _load(session: Session, sealer: Sealer, app: int | str, folded: str) -> tuple[Invitation | None, bool]:
    row = session.execute(
        select(App, Code, Program, Customer)
        .select_from(App)
        .outerjoin(Code, and_(Code.app_id == App.id, Code.folded == folded, Code.state == "active"))
        .outerjoin(Program, and_(Program.app_id == Code.app_id, Program.id == Code.program_id))
        .outerjoin(Customer, and_(Customer.app_id == Code.app_id, Customer.id == Code.customer_id))
        .where(App.id == app if isinstance(app, int) else App.slug == app)
    ).one_or_none()
    if row is None or row.Program is None or row.Program.status not in _BY_STATUS:
        return None, row is None or row.App.mode == "live"
    return _invitation(session, sealer, row, folded), row.App.mode == "live"


def _invitation(session: Session, sealer: Sealer, row: Any, folded: str) -> Invitation:
    program: Program = row.Program
    newest = (program.id, program.version)
    terms = terms_of(session, app_id=program.app_id, versions=[newest])[newest]
    return Invitation(
        app_id=program.app_id,
        program_id=program.id,
        program_name=program.name,
        folded=folded,
        status=_BY_STATUS[program.status],
        signed_links_only=program.signed_links_only,
        branding=Branding.from_stored(program.branding, program_id=program.id),
        offer=offer_of(terms, referrer_attributes=row.Customer.attributes),
        referrer=_name_of(row.Customer, sealer),
        offset=timedelta(microseconds=row.App.clock_offset_us),
    )


def _name_of(customer: Customer, sealer: Sealer) -> str | None:
    if not customer.invite_name_opt_in or customer.erased_at is not None:
        return None
    try:
        return open_profile(sealer, customer.profile_ct, app_id=customer.app_id, customer_id=customer.id).display_name
    except CannotOpen:
        # The master key is gone: the invitation stands without the name.
        return None

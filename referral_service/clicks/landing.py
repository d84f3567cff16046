"""What a share link needs to know, kept in memory for a few seconds so that most visits cost no query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from referral_service.clicks.target import places, with_parameters
from referral_service.codes.models import Code
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.db.engines import Database
from referral_service.kit.ttl_cache import TtlCache
from referral_service.programs.models import Program
from referral_service.tenants.models import App

# How long a revoked code or a paused program may still lead somewhere.
KEPT_SECONDS = 3.0
LANDINGS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Landing:
    """A code's way to its program's landing page. `offset` takes real time to the app's business time.

    `before` and `after` are the landing URL around the click token; `without_click` is the one for visits that are no
    clicks.
    """

    app_id: int
    code_id: str
    program_id: str
    folded: str
    text: str
    offset: timedelta
    is_open: bool
    signed_links_only: bool
    places: frozenset[str]
    code_parameter: str
    click_parameter: str
    before: str
    after: str
    without_click: str

    def deep_link(self, target: SplitResult, click_token: str | None) -> str:
        """Return another address of the program's hosts with the same parameters."""
        return with_parameters(target, [(self.code_parameter, self.text), (self.click_parameter, click_token)])


@dataclass(frozen=True, slots=True)
class _Kept:
    landing: Landing | None
    # A test app's clock jumps, and its tests should not have to wait.
    is_live: bool


class Landings:
    """Finds landings by signed code or by app slug and typed code; bounded, and never older than three seconds."""

    def __init__(
        self,
        database: Database,
        *,
        kept_seconds: float = KEPT_SECONDS,
        entries_max: int = LANDINGS_MAX,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._database = database
        self._cache: TtlCache[tuple[int | str, str], _Kept] = TtlCache(
            entries_max=entries_max, ttl_seconds=kept_seconds, monotonic=monotonic
        )

    def by_code(self, *, app_id: int, folded: str) -> Landing | None:
        """Return the landing of a code that a genuine signature named, or None where nothing is there."""
        return self._find(app_id, folded)

    def by_slug(self, *, slug: str, folded: str) -> Landing | None:
        """Return the landing of a typed code, or None. Costs the same whether or not it exists."""
        return self._find(slug, folded)

    def known(self, *, app_id: int, folded: str) -> Landing | None:
        """Return what is kept in memory of a code that a genuine signature named; None also for a test app's."""
        kept = self._cache.get((app_id, folded))
        return kept.landing if kept is not None and kept.is_live else None

    def forget(self, *, app_id: int, folded: str) -> None:
        """Drop what is kept of a code in this process."""
        self._cache.forget((app_id, folded))

    def __len__(self) -> int:
        return len(self._cache)

    def _find(self, app: int | str, folded: str) -> Landing | None:
        def load() -> _Kept:
            return self._database.read(lambda session: _load(session, app, folded))

        kept = self._cache.get_or_load((app, folded), load)
        if not kept.is_live:
            kept = load()
        return kept.landing


def _load(session: Session, app: int | str, folded: str) -> _Kept:
    row = session.execute(
        select(
            App.id.label("app_id"),
            App.mode,
            App.clock_offset_us,
            Code.id.label("code_id"),
            Code.text,
            Code.state,
            Program.id.label("program_id"),
            Program.status,
            Program.landing_url,
            Program.allowed_hosts,
            Program.code_parameter,
            Program.click_parameter,
            Program.signed_links_only,
        )
        .select_from(App)
        .outerjoin(Code, and_(Code.app_id == App.id, Code.folded == folded))
        .outerjoin(Program, and_(Program.app_id == Code.app_id, Program.id == Code.program_id))
        .where(App.id == app if isinstance(app, int) else App.slug == app)
    ).one_or_none()
    if row is None:
        return _Kept(None, is_live=True)
    is_live = row.mode == "live"
    if row.code_id is None:
        return _Kept(None, is_live=is_live)
    landing_url = urlsplit(row.landing_url)
    with_code = (row.code_parameter, row.text)
    before, after = _around_token(landing_url, with_code, row.click_parameter)
    landing = Landing(
        app_id=row.app_id,
        code_id=row.code_id,
        program_id=row.program_id,
        folded=folded,
        text=row.text,
        offset=timedelta(microseconds=row.clock_offset_us),
        is_open=row.state == "active" and row.status == "active",
        signed_links_only=row.signed_links_only,
        places=places(row.landing_url, row.allowed_hosts),
        code_parameter=row.code_parameter,
        click_parameter=row.click_parameter,
        before=before,
        after=after,
        without_click=with_parameters(landing_url, [with_code, (row.click_parameter, None)]),
    )
    return _Kept(landing, is_live=is_live)


def _around_token(landing_url: SplitResult, with_code: tuple[str, str], click_parameter: str) -> tuple[str, str]:
    """Return the landing URL up to the click token, and what follows it (the fragment)."""
    whole = with_parameters(landing_url._replace(fragment=""), [with_code, (click_parameter, "")])
    return whole, f"#{landing_url.fragment}" if landing_url.fragment else ""

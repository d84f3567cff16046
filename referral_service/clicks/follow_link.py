"""What happens when somebody opens a share link."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult

from referral_service.clicks.bots import PERSON
from referral_service.clicks.landing import KEPT_SECONDS, LANDINGS_MAX, Landing, Landings
from referral_service.clicks.record import ClickBuffer, RecordedClick
from referral_service.clicks.target import place, read_target
from referral_service.clicks.token import mint_click_token
from referral_service.codes.links import is_channel
from referral_service.codes.signed_code import (
    FOLDED_CHARACTERS_MAX,
    InvalidSignedCode,
    SignedCode,
    read_signed_code,
)
from referral_service.kit.clock import Clock
from referral_service.kit.ids import fold, new_id
from referral_service.kit.ttl_cache import TtlCache
from referral_service.signing.key_ring import KeyRing, Signing

SLUG_CHARACTERS_MAX = 64


class Visit(NamedTuple):
    """Who opens a link and how: `kind` as bots.py tells it, the link's `ch` and `to` parameters as they came."""

    kind: str
    channel: str | None = None
    to: str | None = None


class ShareLinks:
    """Turns a share link into the address it leads to. `insecure` allows http deep links, for development."""

    def __init__(
        self, *, key_ring: KeyRing, landings: Landings, clicks: ClickBuffer, clock: Clock, insecure: bool = False
    ) -> None:
        self._key_ring = key_ring
        self._landings = landings
        self._clicks = clicks
        self._clock = clock
        self._insecure = insecure
        # Signatures that were found genuine: not checked again for a few seconds.
        self._genuine: TtlCache[str, SignedCode] = TtlCache(entries_max=LANDINGS_MAX, ttl_seconds=KEPT_SECONDS)

    def follow_signed(self, signed_code: str, visit: Visit) -> str | None:
        """Return where a signed link leads, and keep the click; None for a link that leads nowhere (any more)."""
        try:
            signed = read_signed_code(self._key_ring, signed_code)
        except InvalidSignedCode:
            return None
        landing = self._landings.by_code(app_id=signed.app_id, folded=signed.folded)
        self._genuine.keep(signed_code, signed)
        return self._follow(landing, visit, self._key_ring)

    def follow_known(self, signed_code: str, visit: Visit) -> str | None:
        """Do what `follow_signed` does for a link that was followed within the last seconds, out of memory alone.

        None for any other link, or where a signing key would have to be looked up: that is for `follow_signed`.
        """
        signed, signing = self._genuine.get(signed_code), self._key_ring.at_hand()
        if signed is None or signing is None:
            return None
        return self._follow(self._landings.known(app_id=signed.app_id, folded=signed.folded), visit, signing)

    def follow_typed(self, slug: str, code: str, visit: Visit) -> str | None:
        """Return where `/r/<app slug>/<public code>` leads, and keep the click; None where it leads nowhere.

        One look-up, whether or not anything of it exists.
        """
        folded = fold(code)
        if folded is None or len(folded) > FOLDED_CHARACTERS_MAX:
            folded = ""
        landing = self._landings.by_slug(slug=slug if len(slug) <= SLUG_CHARACTERS_MAX else "", folded=folded)
        if landing is not None and landing.signed_links_only:
            return None
        return self._follow(landing, visit, self._key_ring)

    def _follow(self, landing: Landing | None, visit: Visit, signing: Signing) -> str | None:
        if landing is None or not landing.is_open:
            return None
        token = self._click(landing, visit, signing) if visit.kind == PERSON else None
        target = self._deep_link(landing, visit.to) if visit.to else None
        if target is not None:
            return landing.deep_link(target, token)
        return landing.without_click if token is None else landing.before + token + landing.after

    def _click(self, landing: Landing, visit: Visit, signing: Signing) -> str:
        now = self._clock.now() + landing.offset
        click_id = new_id("clk")
        channel = visit.channel if visit.channel and is_channel(visit.channel) else None
        token = mint_click_token(signing, app_id=landing.app_id, folded=landing.folded, click_id=click_id, now=now)
        self._clicks.record(
            RecordedClick(
                app_id=landing.app_id,
                click_id=click_id,
                program_id=landing.program_id,
                code_id=landing.code_id,
                at=now,
                channel=channel,
            )
        )
        return token

    def _deep_link(self, landing: Landing, to: str) -> SplitResult | None:
        """Return the wanted address if it is one of the program's own; anything else is as if it were not there."""
        target = read_target(to, insecure=self._insecure)
        return target if target is not None and place(target) in landing.places else None

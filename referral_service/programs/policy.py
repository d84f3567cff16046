"""Where a program may go from where it stands, and where its links may lead."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from referral_service.programs.terms.document import Schedule

Status: TypeAlias = Literal["draft", "active", "paused", "archived", "ended"]
Act: TypeAlias = Literal["activate", "pause", "archive", "end"]

STATUSES: tuple[Status, ...] = ("draft", "active", "paused", "archived", "ended")
# Every legal step: the act, from where, to where. What is archived or ended stays so.
TRANSITIONS: dict[Act, tuple[frozenset[Status], Status]] = {
    "activate": (frozenset({"draft", "paused"}), "active"),
    "pause": (frozenset({"active"}), "paused"),
    "archive": (frozenset({"draft", "active", "paused"}), "archived"),
    # By the worker, once the schedule has come to its end.
    "end": (frozenset({"active", "paused"}), "ended"),
}
CLOSED: frozenset[Status] = frozenset({"archived", "ended"})

NOT_ACTIVE, NOT_STARTED = "program_not_active", "program_not_started"

# As long as any text in a body may be; with the code and the click token it stays below the 2 KiB of a whole address.
URL_BYTES_MAX = 1024
HOST_CHARACTERS_MAX = 253
ALLOWED_HOSTS_MAX = 50
PARAMETER_PATTERN = r"[A-Za-z0-9_.~-]{1,64}"

# RFC 3986, section 2: what a URL is written in. Anything else must be percent-encoded, hosts in their ASCII form.
_URL = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Browsers read a host that ends in a number as an IPv4 address, in forms that hide which one (WHATWG URL, 3.5).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_legal(act: Act, status: str) -> bool:
    """Tell whether a program of this status may take the step."""
    return status in TRANSITIONS[act][0]


def why_no_claims(status: str, schedule: Schedule, *, made_at: datetime, now: datetime) -> str | None:
    """Why a program of this status, with its newest schedule, takes no code or claim made at that time; None: it does.

    Both edges of the schedule still count. Once its end has passed, a claim made before it comes too late as well, just
    as it does as soon as the worker has ended the program.
    """
    if status != "active" or (schedule.ends_at is not None and schedule.ends_at < now):
        return NOT_ACTIVE
    if schedule.starts_at is not None and made_at < schedule.starts_at:
        return NOT_STARTED
    return None


def host_fault(host: str) -> str | None:
    """Return what is wrong with the name of a host as an address bar would show it, None where nothing is.

    A name in lower-case ASCII (`xn--…` for others) or an IPv4 address in its usual form; no scheme, port or wildcard.
    """
    labels = host.split(".")
    named = len(host) <= HOST_CHARACTERS_MAX and all(map(_LABEL.fullmatch, labels))
    if named and (_is_address(host) or not _NUMBER.fullmatch(labels[-1])):
        return None
    return "Must be the name of a host, such as shop.example: lower-case ASCII, no scheme, port or wildcard."


def landing_url_fault(url: str, *, development: bool) -> str | None:
    """Return what is wrong with an address that people are sent to, None where nothing is.

    https only, but for this very machine, or anywhere in development. No user name or password.
    """
    if len(url) > URL_BYTES_MAX:
        return f"Must not be longer than {URL_BYTES_MAX} bytes."
    if not _URL.fullmatch(url):
        return "Must be a URL in ASCII, with everything else percent-encoded."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "Must be a URL such as https://app.example/welcome."
    if parts.scheme not in ("http", "https") or not url.lower().startswith(f"{parts.scheme}://"):
        return "Must begin with https://."
    if "@" in parts.netloc:
        return "Must not hold a user name or password."
    if host != "::1" and host_fault(host) is not None:
        return "Must name a host, such as https://app.example/welcome."
    if port == 0 or parts.netloc.endswith(":"):
        return "Must name a port from 1 to 65535, or none."
    if parts.scheme == "http" and not development and not _is_this_machine(host):
        return "Must begin with https://; http is for this machine (localhost) only."
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.IPv4Address(host).is_loopback

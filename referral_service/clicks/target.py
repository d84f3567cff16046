"""Where a share link leads: an address of the program's own hosts, and never anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit, urlunsplit

URL_CHARACTERS_MAX = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986, section 2. No space, control, quote, backslash or other script, which browsers read in ways of their own.
_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def read_target(text: str, *, insecure: bool) -> SplitResult | None:
    """Return a deep link taken apart, or None where it is not a plain https address (http too, if `insecure`)."""
    if len(text) > URL_CHARACTERS_MAX or not _URL.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "https" and not (insecure and parts.scheme == "http"):
        return None
    if host is None or not _HOST.fullmatch(host) or ".." in host or "@" in parts.netloc or parts.netloc.endswith(":"):
        return None
    return None if port == 0 else parts


def place(parts: SplitResult) -> str:
    """Return host and port in one spelling: lower case, the scheme's own port left out."""
    host, port = (parts.hostname or "").lower(), parts.port
    return host if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f"{host}:{port}"


def places(landing_url: str, allowed_hosts: Iterable[str]) -> frozenset[str]:
    """Return the places a program may send people to: its landing URL's and its allowed hosts'."""
    own = place(urlsplit(landing_url))
    return frozenset([own, *(host.strip().lower() for host in allowed_hosts)])


def with_parameters(parts: SplitResult, parameters: Iterable[tuple[str, str | None]]) -> str:
    """Return the address with the parameters added to its query, in place of any of the same names.

    One whose value is None is only taken away. The rest of the query stays as it was written, and the fragment stays
    behind it.
    """
    given = list(parameters)
    names = {name for name, _ in given}
    kept = [pair for pair in parts.query.split("&") if pair and unquote_plus(pair.partition("=")[0]) not in names]
    added = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given if value is not None]
    query = "&".join(kept + added)
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))

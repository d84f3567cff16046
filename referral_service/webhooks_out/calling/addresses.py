"""Which addresses our webhooks may call, and what an endpoint's URL may look like. Pure policy: nothing is looked up.

The lists are our own. What `ipaddress` calls global differs between the releases of Python and takes in multicast,
64:ff9b::7f00:1, 2002:7f00:1::, ::7f00:1 and fec0::1; whatever it refuses is refused here on top.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from referral_service.programs.policy import host_fault

IPAddress: TypeAlias = IPv4Address | IPv6Address

URL_BYTES_MAX = 2048

HTTPS_PORTS = frozenset({443, 8443})
# In development a receiver listens wherever its framework likes to; what is below is for other services.
DEVELOPMENT_PORTS = frozenset({80, 443, *range(1024, 65536)})

# IANA's special-purpose registries (RFC 6890 and what has been added to them since), and what clouds put elsewhere.
_FORBIDDEN_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(block), what)
    for block, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a provider's inner network"),  # and the metadata of one cloud, 100.100.100.200
        ("127.0.0.0/8", "this very machine"),
        ("168.63.129.16/32", "a cloud's metadata"),  # a public address that leads to the host of a virtual machine
        ("169.254.0.0/16", "the local link, where clouds keep their metadata"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "protocol assignments"),  # and the metadata of one cloud, 192.0.0.192
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "sinks of the name system"),
        ("192.52.193.0/24", "multicast relays"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "a private network"),
        ("192.175.48.0/24", "sinks of the name system"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved, and broadcast"),
    )
)

# What carries an IPv4 address inside may lead to any of the above through a translator, so none of it is called.
_FORBIDDEN_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(block), what)
    for block, what in (
        ("::/128", "this network"),
        ("::1/128", "this very machine"),
        ("::ffff:0:0/96", "an IPv4 address in disguise"),
        ("::ffff:0:0:0/96", "an IPv4 address in disguise"),
        ("::/96", "an IPv4 address in disguise"),
        ("64:ff9b::/96", "an IPv4 address in disguise"),
        ("64:ff9b:1::/48", "an IPv4 address in disguise"),
        ("100::/64", "a sink"),
        ("2001::/32", "an IPv4 address in disguise"),  # Teredo
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "an IPv4 address in disguise"),  # 6to4
        ("2620:4f:8000::/48", "sinks of the name system"),
        ("3ffe::/16", "a test network of the past"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "the local link"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "multicast"),
    )
)
# All that has been given out to the public internet so far (RFC 4291, section 2.4, and IANA's list of unicast blocks).
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")

# Names that mean something inside a network only (RFC 6761, 6762, 7686, 8375; ICANN on `internal`, 2024).
_INNER_NAMES = ("localhost", "local", "localdomain", "internal", "home.arpa", "onion")

# RFC 3986, section 2: what a URL is written in. Nothing else, so that no two parsers read it differently.
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?:[/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?P<colon>:(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# The last label of a name is never a number: C libraries and browsers take such a host for an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint's URL leads: `host` is a lower-case name, or an address without brackets."""

    scheme: str
    host: str
    port: int


def address_fault(address: str | IPAddress, *, development: bool) -> str | None:
    """Return, in a sentence, why our webhooks must not call this address; None: they may.

    `address` in its usual text form. In development this very machine may be called, too; nothing else changes.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "Is no IP address."
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return "Must not name a network interface."
    if development and parsed.is_loopback and not (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped):
        return None
    blocks = _FORBIDDEN_V4 if isinstance(parsed, IPv4Address) else _FORBIDDEN_V6
    for block, what in blocks:
        if parsed in block:
            return f"Must be an address of the public internet; this one is of {block} ({what})."
    if not parsed.is_global or (isinstance(parsed, IPv6Address) and parsed not in _GLOBAL_UNICAST_V6):
        return "Must be an address of the public internet."
    return None


def endpoint_url_fault(url: str, *, development: bool) -> str | None:
    """Return, in a sentence, what is wrong with the URL of an endpoint, None where nothing is.

    https on port 443 or 8443 to a public host; development adds http, other ports and this very machine. A name that
    passes may still lead anywhere: what it stands for is checked whenever it is called (resolver.py).
    """
    target = read_target(url)
    if isinstance(target, str):
        return target
    if target.scheme != "https" and not development:
        return "Must begin with https://."
    if target.port not in (DEVELOPMENT_PORTS if development else HTTPS_PORTS):
        return "Must use port 443 or 8443." if not development else "Must use port 80, 443, or one from 1024 on."
    if _is_address(target.host):
        return address_fault(target.host, development=development)
    return _name_fault(target.host, development=development)


def read_target(url: str) -> Target | str:
    """Take the URL apart, or say in a sentence why it cannot be. Stricter than any library, so that all agree on it."""
    if len(url) > URL_BYTES_MAX:
        return f"Must not be longer than {URL_BYTES_MAX} bytes."
    if not _CHARACTERS.fullmatch(url):
        return "Must be a URL in ASCII without spaces, everything else percent-encoded, hosts in their xn-- form."
    if "#" in url:
        return "Must not hold a fragment (#…): it is never sent."
    whole = _URL.fullmatch(url)
    if whole is None:
        return "Must begin with https://."
    if "@" in whole["authority"]:
        return "Must not hold a user name or password; messages are signed instead."
    parts = _AUTHORITY.fullmatch(whole["authority"])
    if parts is None:
        return "Must be a URL such as https://app.example/hooks."
    scheme = whole["scheme"].lower()
    port = 443 if scheme == "https" else 80
    if parts["colon"] is not None:
        if not _PORT.fullmatch(parts["port"]):
            return "Must name a port in plain digits, or none."
        port = int(parts["port"])
    host, fault = _read_host(parts["v6"], parts["name"])
    return fault or Target(scheme=scheme, host=host, port=port)


def _read_host(v6: str | None, name: str | None) -> tuple[str, str | None]:
    if v6 is not None:
        # One address, one spelling (RFC 5952): no zone, no zeros that may be left out, no dotted tail.
        host = v6.lower()
        return host, None if ":" in host and _is_address(host) else "Must hold an IPv6 address in its shortest form."
    host = (name or "").lower()
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) and not _is_address(host):
        return host, "Must not hold an IP address in another form than four decimal numbers."
    if host_fault(host) is not None:
        return host, "Must name a host such as app.example, in ASCII, without a dot at its end."
    return host, None


def _name_fault(host: str, *, development: bool) -> str | None:
    for label in host.split("."):
        if label.startswith("xn--") and not _is_punycode(label[4:]):
            return "Must name a host whose xn-- form means something."
    if development and (host == "localhost" or host.endswith(".localhost")):
        return None
    if any(host == inner or host.endswith(f".{inner}") for inner in _INNER_NAMES):
        return "Must name a host of the public internet."
    # Where to look for a single word is up to the network that the service runs in.
    return None if "." in host else "Must name a host with its domain, such as app.example."


def _is_address(host: str) -> bool:
    """Tell whether the host is an IP address in its one usual form."""
    try:
        return str(ip_address(host)) == host
    except ValueError:
        return False


def _is_punycode(text: str) -> bool:
    try:
        return not text.encode("ascii").decode("punycode").isascii()
    except UnicodeError:
        return False

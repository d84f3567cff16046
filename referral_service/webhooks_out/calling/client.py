"""The HTTP client of our webhooks: one POST, no detours, and never to an address inside our own network.

Three checks stand behind each other: the URL (addresses.py), each name that is looked up (resolver.py), and each socket
just before it connects. The last one also sees what aiohttp never asks a resolver about: IP literals.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from aiohttp import (
    AddrInfoType,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    SocketFactoryType,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from referral_service.webhooks_out.calling.addresses import Target, address_fault, endpoint_url_fault, read_target
from referral_service.webhooks_out.calling.resolver import CheckingResolver, ForbiddenAddress

CONNECT_SECONDS_MAX = 5.0
TOTAL_SECONDS_MAX = 15.0
BODY_BYTES_MAX = 64 * 1024
HEADER_BYTES_MAX = 8 * 1024
CALLS_AT_ONCE_MAX = 200
# Only checked addresses get into the cache; it spares a burst to one endpoint a look-up per connection.
NAMES_KEPT_SECONDS = 10
# Below the 5 s after which many servers hang up: a message that meets a closing connection is a failed attempt.
KEEPALIVE_SECONDS = 4.0
URLS_KEPT_MAX = 10_000
USER_AGENT = "referral-service-webhooks"

Reason: TypeAlias = Literal[
    "forbidden_url", "forbidden_address", "name_not_found", "timeout", "tls", "connection", "no_secret"
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. `body` holds the first 64 KiB at most, as they came (never decompressed)."""

    status: int
    retry_after: str | None
    body: bytes


class NoAnswer(Exception):
    """No status came back; `reason` is one stable word, `detail` a sentence that is fit to be shown to the app."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason: Reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class Client:
    """Sends webhooks. Made by `open_client`, inside a running event loop; one is enough for a process."""

    def __init__(self, session: ClientSession, *, development: bool, calls_at_once_max: int) -> None:
        self._session = session
        self._development = development
        # Here and not in the connector, whose queue would eat into the time that a receiver has to connect.
        self._places = asyncio.Semaphore(calls_at_once_max)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one POST and return the answer, whatever its status; a redirect is an answer like any other.

        Raises NoAnswer where there is none. What goes wrong after the status has come changes nothing.
        """
        target = checked_url(url, development=self._development)
        async with self._places:
            try:
                # aiohttp follows redirects unless each single request says no.
                async with self._session.post(target, data=body, headers=headers, allow_redirects=False) as response:
                    content = await _read_capped(response)
                    return Answer(response.status, response.headers.get("Retry-After"), content)
            except (ClientError, OSError, ValueError) as error:
                raise _as_no_answer(error) from error


@asynccontextmanager
async def open_client(
    *,
    development: bool,
    inner_resolver: AbstractResolver | None = None,
    ssl_context: ssl.SSLContext | None = None,
    calls_at_once_max: int = CALLS_AT_ONCE_MAX,
) -> AsyncIterator[Client]:
    """Give a client for the running event loop, and close all its connections in the end.

    `inner_resolver` answers the look-ups that are then checked (c-ares by default); it is closed, too.
    """
    async with open_session(development=development, inner_resolver=inner_resolver, ssl_context=ssl_context) as session:
        yield Client(session, development=development, calls_at_once_max=calls_at_once_max)


@asynccontextmanager
async def open_session(
    *, development: bool, inner_resolver: AbstractResolver | None = None, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[ClientSession]:
    """Give the guarded aiohttp session that the client stands on.

    Its look-ups and sockets are checked; that a request follows no redirect is up to who sends it.
    """
    resolver = CheckingResolver(development=development, inner=inner_resolver)
    connector = TCPConnector(
        resolver=resolver,
        socket_factory=checked_sockets(development=development),
        ssl=ssl_context or True,
        ttl_dns_cache=NAMES_KEPT_SECONDS,
        keepalive_timeout=KEEPALIVE_SECONDS,
        limit=0,
    )
    try:
        async with ClientSession(
            connector=connector,
            # No proxy variables and no .netrc: what was checked is what is called.
            trust_env=False,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            timeout=ClientTimeout(
                total=TOTAL_SECONDS_MAX, connect=CONNECT_SECONDS_MAX, sock_connect=CONNECT_SECONDS_MAX
            ),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        ) as session:
            yield session
    finally:
        await resolver.close()


# A pure function of few URLs, each asked for thousands of times: what may be called is a matter of addresses, and those
# are looked at anew for each connection.
@lru_cache(maxsize=URLS_KEPT_MAX)
def checked_url(url: str, *, development: bool) -> URL:
    """Return the URL as aiohttp takes it. An endpoint kept before a rule was added is held to the rule, too.

    Raises NoAnswer `forbidden_url`, also where aiohttp would read the URL in another way than the policy does.
    """
    if fault := endpoint_url_fault(url, development=development):
        raise NoAnswer("forbidden_url", fault)
    # Encoded already: nothing is rewritten between the check and the call.
    read = URL(url, encoded=True)
    if read_target(url) != Target(scheme=read.scheme.lower(), host=(read.raw_host or "").lower(), port=read.port or 0):
        raise NoAnswer("forbidden_url", "Must be a URL that can be read in one way only.")
    return read


def checked_sockets(*, development: bool) -> SocketFactoryType:
    """Give the maker of sockets for aiohttp: it refuses to make one for an address that must not be called."""

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        host = str(address[0])
        if fault := address_fault(host, development=development):
            raise ForbiddenAddress(host, fault)
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


async def _read_capped(response: ClientResponse) -> bytes:
    """Read up to 64 KiB. A body that ends there lets the connection be used again; any other is hung up on."""
    content = bytearray()
    try:
        while len(content) < BODY_BYTES_MAX:
            piece = await response.content.read(BODY_BYTES_MAX - len(content))
            if not piece:
                return bytes(content)
            content += piece
    except (ClientError, OSError):
        # The status has come: the receiver has decided, and a second copy would be one too many.
        pass
    response.close()
    return bytes(content)


def _as_no_answer(error: Exception) -> NoAnswer:
    """Put what aiohttp raises into our own words; its own texts may name addresses of our network."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 8:
        causes.append(cause)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    for each in causes:
        if isinstance(each, ForbiddenAddress):
            # Which part of our network a name leads to is nobody's business outside of it.
            return NoAnswer("forbidden_address", "The host leads to an address that webhooks must not be sent to.")
    if isinstance(error, ClientConnectorDNSError):
        return NoAnswer("name_not_found", "The name of the host was not found in time.")
    if isinstance(error, TimeoutError):
        return NoAnswer("timeout", "The receiver did not answer in time.")
    if isinstance(error, ClientConnectorCertificateError | ClientSSLError | ssl.SSLError):
        return NoAnswer("tls", "No encrypted connection that can be trusted came about.")
    if isinstance(error, InvalidURL):
        return NoAnswer("forbidden_url", "Must be a URL that can be read in one way only.")
    return NoAnswer("connection", "The connection was refused, cut off, or carried no HTTP.")

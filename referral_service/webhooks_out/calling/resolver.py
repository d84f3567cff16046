"""The name look-up of outbound calls: every address is checked, and only what was checked is handed on."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from referral_service.webhooks_out.calling.addresses import address_fault

LOOKUP_SECONDS_MAX = 4.0
# As many as any honest name has; nobody makes us try hundreds, one after the other.
ADDRESSES_MAX = 16


class ForbiddenAddress(OSError):
    """The call would have gone to an address that must not be called; `fault` says why, without naming the address.

    An OSError, as aiohttp passes on what goes wrong below it only in that form.
    """

    def __init__(self, host: str, fault: str) -> None:
        self.host = host
        self.fault = fault
        super().__init__(f"{host}: {fault}")


class LookupFailed(OSError):
    """The name could not be looked up: unknown, no answer in time, or an answer that makes no sense."""


class CheckingResolver(AbstractResolver):
    """Look names up by `inner`, once, and refuse a name of which even one address must not be called.

    A name that shows public and private addresses is either an attack or a mistake; to call the rest of it would hide
    both. What is handed on is built anew from the checked addresses, with the port that was asked for, so that nobody
    looks anything up a second time.
    """

    def __init__(
        self,
        *,
        development: bool,
        inner: AbstractResolver | None = None,
        lookup_seconds_max: float = LOOKUP_SECONDS_MAX,
    ) -> None:
        self._development = development
        # Not getaddrinfo: it would hold one of a few threads for as long as a hostile name server keeps silent.
        self._inner = AsyncResolver(timeout=1.5, tries=2) if inner is None else inner
        self._lookup_seconds_max = lookup_seconds_max

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses of `host`, at most 16.

        Raises ForbiddenAddress, and LookupFailed after 4 seconds or where there is no address.
        """
        try:
            async with asyncio.timeout(self._lookup_seconds_max):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            raise LookupFailed(f"{host}: no answer within {self._lookup_seconds_max:g} seconds.") from error
        except (OSError, ValueError) as error:
            raise LookupFailed(f"{host}: not found.") from error
        if not found:
            raise LookupFailed(f"{host}: no address.")
        for each in found:
            if fault := address_fault(each["host"], development=self._development):
                raise ForbiddenAddress(host, fault)
        # Without the doubles that one look-up per protocol gives, in the order that was found.
        addresses = list(dict.fromkeys(each["host"] for each in found))
        return [_checked(host, address, port) for address in addresses[:ADDRESSES_MAX]]

    async def close(self) -> None:
        """Let go of the inner resolver."""
        await self._inner.close()


def _checked(host: str, address: str, port: int) -> ResolveResult:
    parsed = ip_address(address)
    return ResolveResult(
        hostname=host,
        host=str(parsed),
        port=port,
        family=socket.AF_INET if parsed.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )

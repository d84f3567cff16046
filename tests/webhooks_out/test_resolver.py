"""What the name look-up hands on: checked addresses only, built anew, in time."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import ResolveResult
from webhooks_out.network import ANOTHER_PUBLIC, PUBLIC, Names

from referral_service.webhooks_out.calling.resolver import (
    ADDRESSES_MAX,
    CheckingResolver,
    ForbiddenAddress,
    LookupFailed,
)


def look_up(names: Names, *, development: bool = False, seconds_max: float = 1.0) -> list[ResolveResult]:
    resolver = CheckingResolver(development=development, inner=names, lookup_seconds_max=seconds_max)
    return asyncio.run(resolver.resolve("app.example", 443, socket.AF_UNSPEC))


def test_checked_addresses_are_handed_on_as_numbers_with_the_port_that_was_asked_for() -> None:
    found = look_up(Names([PUBLIC, "2606:4700:0::1111", PUBLIC], port=22))
    assert [(each["host"], each["port"], each["family"]) for each in found] == [
        (PUBLIC, 443, socket.AF_INET),
        ("2606:4700::1111", 443, socket.AF_INET6),
    ]
    assert {each["flags"] for each in found} == {socket.AI_NUMERICHOST | socket.AI_NUMERICSERV}


@pytest.mark.parametrize(
    "hidden",
    ["127.0.0.1", "10.0.0.5", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "64:ff9b::a00:1", "2002:a00:1::"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_address_inside_spoils_the_whole_name(hidden: str, place: int) -> None:
    answer = [PUBLIC, ANOTHER_PUBLIC]
    answer.insert(place, hidden)
    with pytest.raises(ForbiddenAddress):
        look_up(Names(answer))


def test_an_address_inside_is_seen_however_far_behind_it_stands() -> None:
    with pytest.raises(ForbiddenAddress):
        look_up(Names([f"8.8.8.{number}" for number in range(255)] + ["10.0.0.1"]))


def test_only_so_many_addresses_are_tried() -> None:
    assert len(look_up(Names([f"8.8.8.{number}" for number in range(255)]))) == ADDRESSES_MAX


def test_a_name_in_place_of_an_address_is_not_looked_up_a_second_time() -> None:
    with pytest.raises(ForbiddenAddress):
        look_up(Names(["inside.example"]))


def test_development_hands_on_loopback_but_no_other_address_inside() -> None:
    assert [each["host"] for each in look_up(Names(["127.0.0.1", "::1"]), development=True)] == ["127.0.0.1", "::1"]
    with pytest.raises(ForbiddenAddress):
        look_up(Names(["127.0.0.1", "192.168.1.1"]), development=True)


def test_a_name_server_that_keeps_silent_is_not_waited_for() -> None:
    with pytest.raises(LookupFailed):
        look_up(Names([PUBLIC], silent_seconds=30), seconds_max=0.02)


def test_a_name_without_addresses_is_an_error_and_not_an_empty_list() -> None:
    with pytest.raises(LookupFailed):
        look_up(Names([]))


def test_each_look_up_asks_once() -> None:
    names = Names([PUBLIC])
    look_up(names)
    assert names.asked == ["app.example"]


def test_the_real_resolver_is_checked_like_any_other() -> None:
    async def ask() -> None:
        resolver = CheckingResolver(development=False)
        try:
            # Answered from within, by RFC 6761: no name server is asked.
            await resolver.resolve("localhost", 443)
        finally:
            await resolver.close()

    with pytest.raises(ForbiddenAddress):
        asyncio.run(ask())

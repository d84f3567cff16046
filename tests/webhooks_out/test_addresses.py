"""Which URLs and addresses are called, which are not, and that nothing about it hangs on the release of Python."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from webhooks_out.hostile import HARMLESS, HOSTILE, PLAIN_LITERALS
from yarl import URL

from referral_service.webhooks_out.calling.addresses import Target, address_fault, endpoint_url_fault, read_target
from referral_service.webhooks_out.calling.client import NoAnswer, checked_url

# Written out once more, apart from the list in the code.
NOT_TO_BE_CALLED = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
    *("240.0.0.0/4", "255.255.255.255/32", "::/8", "::/96", "::1/128", "::ffff:0:0/96", "::ffff:0:0:0/96"),
    *("64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "200::/7", "400::/6", "800::/5", "1000::/4"),
    *("2001::/32", "2001::/23", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16"),
    *("2620:4f:8000::/48", "3ffe::/16", "3fff::/20", "4000::/3", "5f00::/16", "6000::/3", "8000::/1", "fc00::/7"),
    *("fd00:ec2::/32", "fe80::/10", "fec0::/10", "ff00::/8"),
]

TO_BE_CALLED = [
    *("1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0"),
    *("172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"),
    *("2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::", "2003::1", "2400:cb00::1"),
    *("2606:4700::1111", "2a00:1450:4001::1", "3ffd::1", "3fff:1000::"),
]

# What the C library takes for 127.0.0.1, 10.1.2.3 or any other address: decimal, octal or hex, in one to four parts.
NUMBERS: list[Callable[[int], str]] = [str, "0{:o}".format, "00{:o}".format, "{:#x}".format, "0X{:X}".format]


def libc_takes_it_for_an_address(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def test_the_campaign_is_as_large_as_promised() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 120


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_with_a_sentence(url: str) -> None:
    fault = endpoint_url_fault(url, development=False)
    assert fault is not None
    assert fault[0].isupper()
    assert fault.endswith(".")
    with pytest.raises(NoAnswer) as refused:
        checked_url(url, development=False)
    assert refused.value.reason == "forbidden_url"


@pytest.mark.parametrize("url", HARMLESS)
def test_a_harmless_url_is_taken_and_sent_as_it_stands(url: str) -> None:
    assert endpoint_url_fault(url, development=False) is None
    sent = checked_url(url, development=False)
    _, slash, path = url[len("https://") :].partition("/")
    assert sent.raw_path_qs == (slash + path or "/")


@pytest.mark.parametrize("block", NOT_TO_BE_CALLED)
def test_no_address_of_a_special_block_is_called(block: str) -> None:
    network = ip_network(block)
    middle = network[network.num_addresses // 2]
    for address in (network[0], network[-1], middle):
        assert address_fault(address, development=False) is not None
        assert address_fault(str(address), development=False) is not None


@pytest.mark.parametrize("block", NOT_TO_BE_CALLED)
def test_the_list_does_not_lean_on_what_this_python_calls_global(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IPv4Address, "is_global", True)
    monkeypatch.setattr(IPv6Address, "is_global", True)
    assert address_fault(ip_network(block)[-1], development=False) is not None


@pytest.mark.parametrize("address", TO_BE_CALLED)
def test_public_addresses_are_called_up_to_the_edges_of_the_blocks(address: str) -> None:
    assert address_fault(address, development=False) is None
    assert address_fault(address, development=True) is None


@pytest.mark.parametrize(
    "text", ["", "app.example", "127.1", "2130706433", "1.1.1.1%eth0", "2606:4700::1111%eth0", "٨.8.8.8"]
)
def test_what_is_no_plain_address_is_never_called(text: str) -> None:
    assert address_fault(text, development=False) is not None
    assert address_fault(text, development=True) is not None


def test_development_opens_this_very_machine_and_nothing_else() -> None:
    opened = {block for block in NOT_TO_BE_CALLED if address_fault(ip_network(block)[-1], development=True) is None}
    assert opened == {"127.0.0.0/8", "::1/128"}
    assert address_fault("::ffff:127.0.0.1", development=True) is not None
    assert address_fault("::1%lo", development=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3000/hooks",
        "http://hooks.localhost:5000/",
        "http://127.0.0.1:54321/",
        "http://[::1]:8000/",
        "http://app.example/",
        "https://app.example:9000/",
    ],
)
def test_development_takes_http_and_receivers_on_this_machine(url: str) -> None:
    assert endpoint_url_fault(url, development=True) is None
    assert endpoint_url_fault(url, development=False) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:22/",
        "http://127.0.0.1:443x/",
        "http://10.0.0.1:8000/",
        "http://169.254.169.254/",
        "http://[fe80::1]:8000/",
        "http://2130706433:8000/",
        "http://127.1:8000/",
        "http://database:8000/",
        "http://me:secret@localhost:8000/",
        "ftp://localhost:8000/",
    ],
)
def test_development_takes_nothing_of_the_network_around_it(url: str) -> None:
    assert endpoint_url_fault(url, development=True) is not None


@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(NUMBERS), min_size=4, max_size=4), st.integers(1, 4))
@example(0x7F000001, [str, str, str, str], 1)
def test_no_odd_spelling_of_any_ipv4_address_gets_through(
    number: int, spelt: list[Callable[[int], str]], parts: int
) -> None:
    first = [number >> 24 & 255, number >> 16 & 255, number >> 8 & 255][: parts - 1]
    rest = number & (1 << 8 * (5 - parts)) - 1
    host = ".".join(spell(part) for spell, part in zip(spelt, [*first, rest], strict=False))
    assert libc_takes_it_for_an_address(host)
    if host != str(ip_address(number)):
        assert endpoint_url_fault(f"https://{host}/", development=False) is not None
        assert endpoint_url_fault(f"https://{host}/", development=True) is not None


@given(st.one_of(st.text(), st.text("ahtps:/.@#?[]%0127fxX-e\\ ").map("https://".__add__)))
def test_what_passes_means_the_same_to_everybody_who_reads_it(url: str) -> None:
    if endpoint_url_fault(url, development=False) is not None:
        return
    target, read = read_target(url), URL(url)
    assert isinstance(target, Target)
    assert (read.scheme, read.raw_host, read.port) == (target.scheme, target.host, target.port)
    assert (read.user, read.password, read.fragment) == (None, None, "")
    # Whatever a C library would make an address of has been looked at as that address.
    if libc_takes_it_for_an_address(target.host):
        assert address_fault(target.host, development=False) is None


def test_a_refusal_names_the_block_so_that_the_app_can_understand_it() -> None:
    assert endpoint_url_fault("https://169.254.169.254/", development=False) == (
        "Must be an address of the public internet; this one is of 169.254.0.0/16 "
        "(the local link, where clouds keep their metadata)."
    )
    assert all("public internet" in (endpoint_url_fault(url, development=False) or "") for url in PLAIN_LITERALS)
    assert "user name or password" in (endpoint_url_fault("https://me:secret@app.example/", development=False) or "")
    assert "this very machine" in (endpoint_url_fault("https://[::1]/", development=False) or "")

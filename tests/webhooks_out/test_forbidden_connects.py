"""Campaign 10: hostile URLs, names that change their address, redirects. Nothing inside is ever connected to.

A watch on the running loop logs every connect it is asked for and leads it to a receiver on loopback, which counts: so
an attempt is seen twice, and by the controls at the end it is seen that an unguarded client would be caught.
"""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import uvloop
from aiohttp import ClientSession
from webhooks_out.hostile import HOSTILE
from webhooks_out.network import CLOSING, PUBLIC, Names, Receiver, listening, watched
from yarl import URL

from referral_service.webhooks_out.calling.client import NoAnswer, open_client, open_session

REDIRECTS = [300, 301, 302, 303, 305, 307, 308]
INSIDE = ["127.0.0.1", "10.0.0.5", "169.254.169.254"]


async def knock(session: ClientSession, url: str) -> None:
    """Send to the URL as it stands and as the library would rewrite it, without looking at the URL first."""
    for encoded in (False, True):
        try:
            async with session.post(URL(url, encoded=encoded), data=b"{}", allow_redirects=False):
                pass
        except (aiohttp.ClientError, OSError, ValueError, AssertionError):
            # aiohttp meets some of these, such as javascript:, with an assertion of its own.
            pass


def test_no_hostile_url_is_connected_to() -> None:
    async def run() -> None:
        # Every name that gets as far as a look-up would lead to this very machine.
        names = Names(["127.0.0.1"])
        async with listening(Receiver()) as receiver, open_client(development=False, inner_resolver=names) as client:
            with watched(receiver) as connects:
                for url in HOSTILE:
                    with pytest.raises(NoAnswer) as refused:
                        await client.post(url, body=b"{}", headers={})
                    assert refused.value.reason == "forbidden_url"
            assert (connects, names.asked, receiver.connections) == ([], [], 0)

    asyncio.run(run())


@pytest.mark.parametrize("inside", INSIDE)
def test_the_sockets_refuse_what_the_look_at_the_url_would_have_missed(inside: str) -> None:
    async def run() -> None:
        names = Names([inside])
        async with listening(Receiver()) as receiver, open_session(development=False, inner_resolver=names) as session:
            with watched(receiver) as connects:
                for url in HOSTILE:
                    await knock(session, url)
            assert (connects, receiver.connections) == ([], 0)
            assert len(names.asked) > 20

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "app.example"])
def test_uvloop_connects_no_more_than_asyncio_does(host: str) -> None:
    async def run() -> None:
        async with listening(Receiver()) as receiver:
            for development, expected in ((False, 0), (True, 1)):
                names = Names(["127.0.0.1"])
                async with open_session(development=development, inner_resolver=names) as session:
                    await knock(session, f"http://{host}:{receiver.port}/")
                assert receiver.connections == expected

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("inside", INSIDE[1:])
def test_a_name_that_turns_inside_after_it_was_checked_is_called_where_it_was_checked(inside: str) -> None:
    async def run() -> None:
        names = Names([PUBLIC], [inside])
        closing = listening(Receiver(CLOSING))
        async with closing as receiver, open_client(development=True, inner_resolver=names) as client:
            with watched(receiver) as connects:
                answer = await client.post("http://app.example/", body=b"{}", headers={})
                assert answer.status == 200
                # One look-up, and the connect went to what it gave: there is no second one to be lied to in.
                assert names.asked == ["app.example"]
                assert connects == [(PUBLIC, 80)]
                # A new connection, while the checked address is kept.
                await client.post("http://app.example/", body=b"{}", headers={})
                assert connects == [(PUBLIC, 80)] * 2

    asyncio.run(run())


@pytest.mark.parametrize("answers", [[[PUBLIC], ["10.0.0.5"]], [[PUBLIC], [PUBLIC, "10.0.0.5"]]])
def test_a_name_that_has_turned_inside_is_not_called_any_more(answers: list[list[str]]) -> None:
    async def run() -> None:
        names = Names(*answers)
        async with listening(Receiver(CLOSING)) as receiver:
            with watched(receiver) as connects:
                # Each time a client of its own: nothing is kept from the look-up before.
                async with open_client(development=True, inner_resolver=names) as client:
                    await client.post("http://app.example/", body=b"{}", headers={})
                for _ in range(2):
                    async with open_client(development=True, inner_resolver=names) as client:
                        with pytest.raises(NoAnswer) as refused:
                            await client.post("http://app.example/", body=b"{}", headers={})
                    assert refused.value.reason == "forbidden_address"
                    assert "10.0.0" not in refused.value.detail
            assert len(names.asked) == 3
            assert connects == [(PUBLIC, 80)]
            assert receiver.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("answer", [[PUBLIC, "192.168.1.1"], ["::1", PUBLIC], [PUBLIC, "fd00:ec2::254"]])
def test_a_name_with_one_address_inside_is_not_called_at_all(answer: list[str]) -> None:
    async def run() -> None:
        async with open_client(development=False, inner_resolver=Names(answer)) as client:
            with watched() as connects, pytest.raises(NoAnswer) as refused:
                await client.post("https://app.example/", body=b"{}", headers={})
            assert refused.value.reason == "forbidden_address"
            assert connects == []

    asyncio.run(run())


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    async def run() -> None:
        async with listening(Receiver()) as inside, listening(Receiver()) as receiver:
            for where in (inside.url, "http://10.0.0.5/", "http://169.254.169.254/", "//app.example/again", "/again"):
                receiver.answer = f"HTTP/1.1 {status} Go\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()
                receiver.requests.clear()
                names = Names([PUBLIC])
                async with open_client(development=True, inner_resolver=names) as client:
                    with watched(receiver) as connects:
                        answer = await client.post("http://app.example/", body=b"{}", headers={})
                assert answer.status == status
                assert connects == [(PUBLIC, 80)]
                assert names.asked == ["app.example"]
                assert len(receiver.requests) == 1
            assert inside.connections == 0

    asyncio.run(run())


def test_proxy_variables_and_netrc_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with listening(Receiver()) as proxy, listening(Receiver()) as receiver:
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            async with open_client(development=True, inner_resolver=Names([PUBLIC])) as client:
                with watched(receiver) as connects:
                    await client.post("http://app.example/", body=b"{}", headers={})
            assert connects == [(PUBLIC, 80)]
            assert (proxy.connections, receiver.connections) == (0, 1)

    asyncio.run(run())


def test_control_an_unguarded_client_is_seen_to_follow() -> None:
    async def run() -> None:
        async with listening(Receiver()) as inside, listening(Receiver()) as receiver:
            receiver.answer = f"HTTP/1.1 307 Go\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
            connector = aiohttp.TCPConnector(resolver=Names(["127.0.0.1"]))
            async with ClientSession(connector=connector) as session:
                await session.post(f"http://app.example:{receiver.port}/", data=b"{}")
            assert (receiver.connections, inside.connections) == (1, 1)

    asyncio.run(run())


def test_control_an_unguarded_client_is_seen_to_connect() -> None:
    async def run() -> None:
        connector = aiohttp.TCPConnector(resolver=Names(["127.0.0.1"]))
        async with ClientSession(connector=connector) as session:
            with watched() as connects:
                for url in HOSTILE:
                    await knock(session, url)
        assert len({address for address, _ in connects}) > 60
        assert len(connects) > 200

    asyncio.run(run())


def test_control_the_watch_sees_the_guarded_client_where_it_may_connect() -> None:
    async def run() -> None:
        async with listening(Receiver()) as receiver:
            async with open_session(development=True, inner_resolver=Names(["127.0.0.1"])) as session:
                with watched(receiver) as connects:
                    await knock(session, "http://app.example/")
            assert connects[0] == ("127.0.0.1", 80)
            assert receiver.connections > 0

    asyncio.run(run())

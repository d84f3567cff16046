"""What one call sends, what it takes back, and where it ends."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from webhooks_out.network import CLOSING, OK, PUBLIC, Names, Receiver, listening, watched

from referral_service.webhooks_out.calling import client as client_module
from referral_service.webhooks_out.calling.client import BODY_BYTES_MAX, Answer, NoAnswer, open_client

LONG_AGO, ONE_DAY = datetime(2020, 1, 1, tzinfo=UTC), timedelta(days=1)


def call(receiver: Receiver, times: int = 1) -> Answer:
    """Post to the receiver on loopback, as often as asked; gives the last answer."""

    async def run() -> Answer:
        async with listening(receiver), open_client(development=True) as client:
            for _ in range(times - 1):
                await client.post(receiver.url, body=b'{"a":1}', headers={"webhook-id": "ntf_1"})
            return await client.post(receiver.url, body=b'{"a":1}', headers={"webhook-id": "ntf_1"})

    return asyncio.run(run())


def test_the_body_and_headers_arrive_as_given() -> None:
    receiver = Receiver()
    assert call(receiver) == Answer(status=200, retry_after=None, body=b"ok")
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert body == b'{"a":1}'
    assert b"webhook-id: ntf_1\r\n" in head
    assert b"User-Agent: referral-service-webhooks\r\n" in head


def test_a_connection_is_used_again_once_its_answer_is_read() -> None:
    receiver = Receiver()
    call(receiver, times=5)
    assert (receiver.connections, len(receiver.requests)) == (1, 5)


def test_retry_after_is_told() -> None:
    answer = call(Receiver(b"HTTP/1.1 429 Later\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"))
    assert (answer.status, answer.retry_after) == (429, "120")


def test_cookies_are_neither_kept_nor_sent_back() -> None:
    receiver = Receiver(OK.replace(b"Content-Length", b"Set-Cookie: a=b; Path=/\r\nContent-Length"))

    async def run() -> None:
        # By a name: aiohttp keeps no cookies of bare addresses anyhow.
        async with listening(receiver), open_client(development=True, inner_resolver=Names([PUBLIC])) as client:
            with watched(receiver):
                for _ in range(2):
                    await client.post("http://app.example/", body=b"{}", headers={})

    asyncio.run(run())
    assert len(receiver.requests) == 2
    assert all(b"cookie" not in request.lower() for request in receiver.requests)


def test_a_long_body_is_cut_and_its_connection_is_not_used_again() -> None:
    size = 50 * 1024 * 1024
    receiver = Receiver(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * 1024 * 1024)
    assert len(call(receiver, times=2).body) == BODY_BYTES_MAX
    assert receiver.connections == 2


def test_a_compressed_body_is_not_blown_up() -> None:
    bomb = gzip.compress(bytes(30_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    receiver = Receiver(head.encode() + bomb)
    assert call(receiver).body == bomb[:BODY_BYTES_MAX]
    assert b"Accept-Encoding: identity\r\n" in receiver.requests[0]


@pytest.mark.parametrize("status", [b"200 OK", b"500 Sorry"])
def test_a_status_that_has_come_counts_although_its_body_breaks_off(status: bytes) -> None:
    answer = call(Receiver(b"HTTP/1.1 " + status + b"\r\nContent-Length: 9\r\nConnection: close\r\n\r\nok"))
    assert (answer.status, answer.body) == (int(status[:3]), b"ok")


def test_a_status_that_has_come_counts_although_its_body_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TOTAL_SECONDS_MAX", 0.3)
    assert call(Receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", silent=True)).status == 200


def test_a_receiver_that_stalls_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TOTAL_SECONDS_MAX", 0.3)
    started = time.monotonic()
    with pytest.raises(NoAnswer) as failed:
        call(Receiver(b"", silent=True))
    assert failed.value.reason == "timeout"
    assert time.monotonic() - started < 5


def test_a_connect_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_SECONDS_MAX", 0.2)

    async def run() -> None:
        async def never(_sock: socket.socket, _address: object) -> None:
            await asyncio.sleep(60)

        async with open_client(development=False, inner_resolver=Names([PUBLIC])) as client:
            asyncio.get_running_loop().__dict__["sock_connect"] = never
            with pytest.raises(NoAnswer) as failed:
                await client.post("https://app.example/", body=b"{}", headers={})
            assert failed.value.reason == "timeout"

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"\xff\xfe\x00" * 100,
    ],
)
def test_what_is_no_http_is_no_answer(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TOTAL_SECONDS_MAX", 3)

    class Rude(Receiver):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            writer.close()

    with pytest.raises(NoAnswer) as failed:
        call(Rude(answer))
    assert failed.value.reason == "connection"


def test_a_refused_connection_and_an_unknown_name_are_told_apart() -> None:
    async def run() -> None:
        for names, reason in ((Names([PUBLIC]), "connection"), (Names([]), "name_not_found")):
            async with open_client(development=False, inner_resolver=names) as client:
                with watched(), pytest.raises(NoAnswer) as failed:
                    await client.post("https://app.example/", body=b"{}", headers={})
            assert failed.value.reason == reason
            assert PUBLIC not in failed.value.detail
            assert names.closed

    asyncio.run(run())


def test_no_more_calls_run_at_once_than_agreed() -> None:
    class Counting(Receiver):
        running, most = 0, 0

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.02)
            self.running -= 1
            writer.write(CLOSING)
            writer.close()

    async def run() -> int:
        async with listening(Counting()) as receiver, open_client(development=True, calls_at_once_max=3) as client:
            await asyncio.gather(*(client.post(receiver.url, body=b"", headers={}) for _ in range(12)))
            assert isinstance(receiver, Counting)
            return receiver.most

    assert asyncio.run(run()) == 3


@pytest.fixture
def certify(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Make a certificate for a name: gives a server's context with it and a client's that trusts it."""

    def make(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternative: x509.GeneralName = x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(LONG_AGO)
            .not_valid_after(LONG_AGO + 20_000 * ONE_DAY)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        kept = tmp_path / f"{name}.pem"
        shown = certificate.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kept.write_bytes(shown + secret)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(kept)
        return server, ssl.create_default_context(cadata=shown.decode())

    return make


Certify = Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]


def test_outside_development_the_certificate_is_held_to_the_name_and_the_connect_to_the_address(
    certify: Certify,
) -> None:
    server, trusting = certify("app.example")

    async def run() -> None:
        names = Names([PUBLIC])
        async with listening(Receiver(), tls=server) as receiver:
            with watched(receiver) as connects:
                async with open_client(development=False, inner_resolver=names, ssl_context=trusting) as client:
                    for url in ("https://app.example/", "https://app.example:8443/hooks"):
                        assert (await client.post(url, body=b"{}", headers={})).status == 200
                    with pytest.raises(NoAnswer) as failed:
                        await client.post("https://other.example/", body=b"{}", headers={})
                    assert failed.value.reason == "tls"
            assert connects == [(PUBLIC, 443), (PUBLIC, 8443), (PUBLIC, 443)]
            assert [request.split(b"\r\n")[0] for request in receiver.requests] == [
                b"POST / HTTP/1.1",
                b"POST /hooks HTTP/1.1",
            ]

    asyncio.run(run())


def test_a_certificate_that_nobody_vouches_for_is_refused(certify: Certify) -> None:
    server, _ = certify("app.example")

    async def run() -> None:
        async with (
            listening(Receiver(), tls=server) as receiver,
            open_client(development=False, inner_resolver=Names([PUBLIC])) as client,
        ):
            with watched(receiver), pytest.raises(NoAnswer) as failed:
                await client.post("https://app.example/", body=b"{}", headers={})
            assert failed.value.reason == "tls"
            assert receiver.requests == []

    asyncio.run(run())

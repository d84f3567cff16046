"""Requests as they go over the wire, made before anything is timed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

import orjson

from benchmarks.load import request_bytes
from benchmarks.stage import Cast
from referral_service.kit.clock import SystemClock, format_rfc3339


def redirects(cast: Cast, port: int, count: int) -> list[bytes]:
    """Visits of Alice's share link."""
    return [request_bytes("GET", f"/r/{cast.signed_code}", port=port)] * count


def invitations(cast: Cast, port: int, count: int) -> list[bytes]:
    """Friends who open the invite page."""
    return [request_bytes("GET", f"/i/{cast.signed_code}", port=port)] * count


def share_pages(cast: Cast, port: int, count: int) -> list[bytes]:
    """Alice looks at her share page, again and again."""
    return [request_bytes("GET", f"/me/{cast.share_token}", port=port)] * count


def purchases(cast: Cast, port: int, referees: Iterable[str]) -> list[bytes]:
    """The first purchase of each referee, as a signed Standard Webhook."""
    now = SystemClock().now()
    messages = [purchase_message(cast, referee, now=now) for referee in referees]
    path = f"/v1/hooks/{cast.source_id}"
    return [request_bytes("POST", path, port=port, body=body, headers=headers) for body, headers in messages]


def purchase_message(cast: Cast, referee: str, *, now: datetime) -> tuple[bytes, dict[str, str]]:
    """A body and the headers that sign it (https://www.standardwebhooks.com), one message for each referee."""
    message, moment = f"msg-{referee}", str(int(now.timestamp()))
    body = orjson.dumps(
        {
            "type": "purchase", "customer_id": referee, "order_id": f"order-{referee}",
            "amount": {"amount_minor": 5000, "currency": "USD"}, "occurred_at": format_rfc3339(now),
        }
    )  # fmt: skip
    key = base64.b64decode(cast.source_secret.removeprefix("whsec_"))
    signed = b".".join((message.encode(), moment.encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return body, {"webhook-id": message, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}


def claims(cast: Cast, port: int, count: int) -> list[bytes]:
    """Claims of people nobody has heard of before."""
    return [
        _post(cast, port, "/v1/referrals", {"code": cast.code, "referee": {"customer_id": secrets.token_hex(8)}})
        for _ in range(count)
    ]


def code_issues(cast: Cast, port: int, count: int) -> list[bytes]:
    """Codes for customers nobody has heard of before."""
    path = f"/v1/programs/{cast.program_id}/codes"
    return [_post(cast, port, path, {"customer_id": secrets.token_hex(8)}) for _ in range(count)]


def empty_posts(port: int, count: int) -> list[bytes]:
    """Posts to the floor, with a body of the usual size."""
    body = orjson.dumps({"code": "K7QM3XTS", "referee": {"customer_id": "0123456789abcdef"}})
    return [request_bytes("POST", "/empty", port=port, body=body)] * count


def _post(cast: Cast, port: int, path: str, document: dict[str, object]) -> bytes:
    headers = {"Authorization": f"Bearer {cast.api_key}"}
    return request_bytes("POST", path, port=port, body=orjson.dumps(document), headers=headers)

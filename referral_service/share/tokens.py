"""Participant tokens: who holds one sees a customer's share page in one program, for as long as it says.

The payload is, in fixed widths and without the spaces,

    CUSTOMER(26) PROGRAM(26) SERIES(6) LIFETIME(6)

the ids without their prefixes, the customer's series of tokens, and the seconds it lives. It names nobody: whoever
reads it learns two ids of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.kit.clock import LEEWAY_SECONDS
from referral_service.kit.ids import encode_number, is_id
from referral_service.signing.key_ring import KeyRing
from referral_service.signing.signers import read_number
from referral_service.signing.tokens import InvalidToken, read_timed, sign_timed
from referral_service.tenants.models import App
from referral_service.tenants.tenant import Tenant, tenant_from

PURPOSE = "participant"
LIFETIME_SECONDS_MIN = 60 * 60
LIFETIME_SECONDS_MAX = 366 * 24 * 60 * 60
LIFETIME_SECONDS = 30 * 24 * 60 * 60

_ID_CHARACTERS, _NUMBER_CHARACTERS = 26, 6
_PAYLOAD_CHARACTERS = 2 * _ID_CHARACTERS + 2 * _NUMBER_CHARACTERS
_LEEWAY = timedelta(seconds=LEEWAY_SECONDS)

_FIND = (
    select(App, Customer.share_tokens_series, Customer.erased_at, Customer.locale)
    .join(Customer, and_(Customer.app_id == App.id, Customer.id == bindparam("customer_id")))
    .where(App.id == bindparam("app_id"))
)


class InvalidShareToken(Exception):
    """A token that opens no page. Whoever sent it is told the same for each `reason`, which is for logs and tests.

    `malformed`, `unknown_key` (also a revoked one), `bad_signature`, `expired`, `from_the_future`, `revoked` or
    `nobody` (also a person who was erased).
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class ShareToken:
    """What a genuine token says; times in the app's business time. Whether it still counts is another question."""

    app_id: int
    customer_id: str
    program_id: str
    series: int
    minted_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Participant:
    """A customer (`cus_…`) in a program, to whom a token just read belongs.

    `now` is what the app's clock shows, `locale` the language that the app told of the customer, if any.
    """

    tenant: Tenant
    customer_id: str
    program_id: str
    minted_at: datetime
    expires_at: datetime
    now: datetime
    locale: str | None

    @property
    def app_id(self) -> int:
        """The app's short number."""
        return self.tenant.app_id


def sign_share_token(
    key_ring: KeyRing,
    *,
    app_id: int,
    customer_id: str,
    program_id: str,
    series: int,
    lifetime_seconds: int,
    now: datetime,
) -> str:
    """Return a token that lives from `now`, business time, for so many seconds. It carries no personal data."""
    if not (is_id(customer_id, "cus") and is_id(program_id, "prg")):
        raise ValueError("Not the ids of a customer and a program.")
    if not LIFETIME_SECONDS_MIN <= lifetime_seconds <= LIFETIME_SECONDS_MAX:
        raise ValueError("A share token lives from one hour to 366 days.")
    ids = customer_id[-_ID_CHARACTERS:] + program_id[-_ID_CHARACTERS:]
    numbers = encode_number(series, _NUMBER_CHARACTERS) + encode_number(lifetime_seconds, _NUMBER_CHARACTERS)
    return sign_timed(key_ring, purpose=PURPOSE, app_id=app_id, payload=ids.upper() + numbers, at=now)


def read_share_token(key_ring: KeyRing, text: str) -> ShareToken:
    """Return what a token says that one of our keys signed as a share token; raise InvalidShareToken. Asks no table."""
    try:
        token = read_timed(key_ring, text, purpose=PURPOSE)
    except InvalidToken as error:
        raise InvalidShareToken(error.reason) from None
    payload = token.payload
    if len(payload) != _PAYLOAD_CHARACTERS:
        raise InvalidShareToken("malformed")
    numbers = payload[2 * _ID_CHARACTERS :].encode("ascii")
    try:
        series, lifetime_seconds = read_number(numbers[:_NUMBER_CHARACTERS]), read_number(numbers[_NUMBER_CHARACTERS:])
    except ValueError:
        raise InvalidShareToken("malformed") from None
    return ShareToken(
        app_id=token.app_id,
        customer_id=f"cus_{payload[:_ID_CHARACTERS].lower()}",
        program_id=f"prg_{payload[_ID_CHARACTERS : 2 * _ID_CHARACTERS].lower()}",
        series=series,
        minted_at=token.at,
        expires_at=token.at + timedelta(seconds=lifetime_seconds),
    )


def read_participant(session: Session, key_ring: KeyRing, text: str, *, now: datetime) -> Participant:
    """Return whose a token is, if it counts now (real time); raise InvalidShareToken.

    One read by primary keys. A token counts until the moment it expires, by the app's own clock; not after the
    customer's tokens were revoked or the customer was erased; and not before it was made, past the leeway of a minute.
    """
    token = read_share_token(key_ring, text)
    asked = {"app_id": token.app_id, "customer_id": token.customer_id}
    row = session.execute(_FIND, asked).one_or_none()
    if row is None or row.erased_at is not None:
        raise InvalidShareToken("nobody")
    if row.share_tokens_series != token.series:
        raise InvalidShareToken("revoked")
    tenant = tenant_from(row.App)
    business = tenant.business_time(now)
    if token.minted_at > business + _LEEWAY:
        raise InvalidShareToken("from_the_future")
    if business >= token.expires_at:
        raise InvalidShareToken("expired")
    return Participant(
        tenant=tenant,
        customer_id=token.customer_id,
        program_id=token.program_id,
        minted_at=token.minted_at,
        expires_at=token.expires_at,
        now=business,
        locale=row.locale,
    )

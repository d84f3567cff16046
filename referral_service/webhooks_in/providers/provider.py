"""The one shape of every provider: is this message genuine, and what does it say in our words? Pure, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from referral_service.events.given import GivenEvent
from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.providers.secrets import Secret

TOLERANCE_SECONDS = 300
EXTERNAL_ID_CHARACTERS_MAX = 255
TYPE_CHARACTERS_MAX = 255

# Why a message is parked before anybody is looked up.
MALFORMED_BODY = "malformed_body"
INVALID_EVENT = "invalid_event"
UNPAID = "unpaid"
NOTHING_PAID = "nothing_paid"
UNUSABLE_AMOUNT = "unusable_amount"
OCCURRED_IN_FUTURE = "occurred_in_future"
TEST_MODE = "test_mode"
LIVE_MODE = "live_mode"


class BadSignature(Exception):
    """A message that its sender did not prove. `reason` is for our own eyes: who forges learns nothing from it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Greeting(Exception):
    """A message by which a provider only tries the address, unsigned and without content: 200, and nothing is kept."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A genuine message: its id and its type where they stand in the headers, not in the body."""

    external_id: str | None = None
    provider_type: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What a body calls itself: the message's id where it has one, and its type in the provider's words."""

    external_id: str | None
    provider_type: str


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of a message beside its body: its name and type, from the headers or else from its labels, whether
    its app is a test app, and the app's business time."""

    external_id: str
    provider_type: str
    is_test: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Ignored:
    """A type that means nothing here; it is kept, and never becomes an event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that could mean something, but not as it is. `type` is our own, empty where it is not known."""

    reason: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Several:
    """What one message says of one order, in the order it happened; the last fact is what the message is about.

    A state of an order tells its payment with every refund: whoever missed the message of the payment misses nothing.
    """

    events: tuple[GivenEvent, ...]

    @property
    def type(self) -> str:
        return self.events[-1].type


Translation = GivenEvent | Several | Ignored | Parked


class Provider(Protocol):
    """How one provider signs, and what its messages mean. One object serves all threads."""

    name: str
    string_characters_max: int
    """The longest text in a body; what is used of it has narrower limits."""

    @property
    def secret(self) -> Secret:
        """Where the signing secret comes from."""
        ...

    def verify(self, *, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Verified:
        """Prove the sender by any of the secrets. `headers` have lower-case names, `now` is real time.

        Raises BadSignature, or Greeting, and nothing else, whatever was sent; without a secret always.
        """
        ...

    def labels(self, body: Mapping[str, Any]) -> Labels:
        """Say what the body calls itself, whether or not it can be translated."""
        ...

    def translate(self, body: Mapping[str, Any], around: Around) -> Translation:
        """Say what a genuine body means, and when it happened: whether that lies ahead is asked elsewhere.

        Never raises, whatever the body holds.
        """
        ...

    def exported(self, record: Mapping[str, Any]) -> Sequence[Exported]:
        """Return the messages that a record of the provider's exports stands for, in the order it happened; none for
        what no webhook would have told, such as a payment that failed.

        Raises UnknownRecord. Whether a message makes sense is for `translate` to say.
        """
        ...


def check_age(timestamp: str, now: datetime) -> None:
    """Raise BadSignature for a Unix time, known to be a number, that lies too far from now on either side."""
    if abs(age_seconds(int(timestamp), now)) > TOLERANCE_SECONDS:
        raise BadSignature("timestamp_too_far_from_now")


def labels_in(body: Mapping[str, Any], *, id_field: str, type_field: str) -> Labels:
    """Return the labels of a body that names itself by two fields of its own."""
    external_id, kind = body.get(id_field), body.get(type_field)
    has_id = isinstance(external_id, str) and 1 <= len(external_id) <= EXTERNAL_ID_CHARACTERS_MAX
    return Labels(external_id if has_id else None, kind[:TYPE_CHARACTERS_MAX] if isinstance(kind, str) else "")


def age_seconds(sent_at: int, now: datetime) -> float:
    """Return how long ago a Unix time was; negative for one that lies ahead."""
    return now.timestamp() - sent_at

"""Events as a hypothesis machine wishes for them: small choices that shrink well, made into events later.

A wish is fulfilled against what has happened so far: the third order known, the deadline of that referral,
the event sent before the last. Where there is nothing to choose from, it becomes a plain purchase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Literal, TypeVar

from campaigns.facts import Dispute, DisputeStatus, Event, Happening, Purchase, Refund, business_key
from campaigns.known import FUTURE_TOLERANCE
from campaigns.model import World
from campaigns.standing import Standing
from hypothesis import strategies as st

# A referrer stands before his referees, so that nobody is, by a detour, his own referrer's referrer.
CUSTOMERS = ("alice", "bob", "carol", "dave", "alter")
# Around the minimum of 20.00, and large enough for the ceilings.
AMOUNTS = (5000, 1999, 2000, 2001, 12_345, 100_000)
SECOND = timedelta(seconds=1)

T = TypeVar("T")
Told = TypeVar("Told", Purchase, Happening, Refund)

Kind = Literal["purchase", "planned", "refunded_total", "refund", "dispute", "again", "other_id", "altered", "used_id"]
Moment = Literal[
    "now", "minute_ahead", "too_far_ahead", "hour_ago", "days_ago", "long_ago", "opening", "before_opening",
    "deadline", "after_deadline", "before_conversion", "with_conversion",
]  # fmt: skip
Share = Literal["whole", "to_minimum", "below_minimum", "third", "seventh"]
KINDS: tuple[Kind, ...] = (
    "purchase", "purchase", "planned", "refunded_total", "refund", "dispute",
    "again", "other_id", "altered", "used_id",
)  # fmt: skip
MOMENTS: tuple[Moment, ...] = (
    "now", "now", "now", "now", "hour_ago", "hour_ago", "days_ago", "before_conversion", "before_conversion",
    "with_conversion", "opening", "before_opening", "deadline", "after_deadline", "long_ago", "minute_ahead",
    "too_far_ahead",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    customer: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Wish:
    kind: Kind
    customer: str
    amount_minor: int
    currency: str
    moment: Moment
    # Which of the known orders, events or referrals: taken modulo their number.
    pick: int
    # About an order that no purchase has been sent for yet.
    ahead: bool
    # How much of the order is refunded: whole, down to the minimum, to just below it, or a part.
    share: Share
    dispute_id: str | None
    status: DisputeStatus


def wishes(kind: st.SearchStrategy[Kind]) -> st.SearchStrategy[Wish]:
    return st.builds(
        Wish,
        kind=kind,
        # Most of it happens to one or two people: two bad days of one referral are worth ten of ten.
        customer=st.sampled_from(("bob", "bob", "bob", "carol", "carol", "dave", "alter")),
        amount_minor=st.sampled_from(AMOUNTS),
        currency=st.sampled_from(("USD", "USD", "USD", "USD", "EUR")),
        moment=st.sampled_from(MOMENTS),
        pick=st.integers(0, 11),
        ahead=st.booleans(),
        share=st.sampled_from(("third", "third", "seventh", "whole", "to_minimum", "below_minimum")),
        dispute_id=st.sampled_from((None, None, "d1", "d2")),
        status=st.sampled_from(("opened", "won", "lost")),
    )


@dataclass
class Wishing:
    """Makes events of wishes, and remembers what there is to choose from."""

    minimum_minor: int = 2000
    orders: list[Order] = field(default_factory=list)
    planned: list[Order] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    # Those that told something for the first time, and were not refused.
    news: list[Event] = field(default_factory=list)
    facts: set[tuple[object, ...]] = field(default_factory=set)
    verdicts: dict[tuple[str, str | None], DisputeStatus] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def fulfil(self, wish: Wish, world: World, *, about: Order | None = None) -> Event:
        """`about`: the order that it shall be about, whatever the wish would pick."""
        event = self._event(wish, world, about)
        self.sent.append(event)
        fact = business_key(event)
        fresh = wish.kind not in ("again", "other_id", "altered", "used_id")
        if fresh and fact not in self.facts and event.occurred_at <= world.now + FUTURE_TOLERANCE:
            self.news.append(event)
        self.facts.add(fact)
        return event

    def new_order(self, wish: Wish) -> Order:
        order = Order(f"o{next(self.numbers)}", wish.customer, wish.amount_minor, wish.currency)
        self.orders.append(order)
        return order

    def qualifying(self, standing: Standing, at: datetime, *, amount_minor: int, currency: str) -> Purchase:
        """One that may count for this referral, if its time and amount allow it."""
        order = Order(f"o{next(self.numbers)}", standing.referee, amount_minor, currency)
        self.orders.append(order)
        event = Purchase(self._id(), order.order_id, order.customer, amount_minor, currency, at)
        self.sent.append(event)
        self.news.append(event)
        self.facts.add(business_key(event))
        return event

    def happening(self, wish: Wish, world: World, *, kind: str, with_amount: bool) -> Happening:
        """A signup or a custom event of the customer, at the wish's moment."""
        amount, currency = (wish.amount_minor * 4, wish.currency) if with_amount else (0, None)
        event = Happening(self._id(), kind, wish.customer, occurred_at(wish, world), amount, currency)
        return self._sent(event, world)

    def with_gifts(self, wish: Wish, world: World, *, first: str, days: int) -> tuple[Purchase, Purchase]:
        """Two of the customer's orders, of which the first is a gift in part or whole."""
        bought = []
        for n in range(2):
            order = self.new_order(wish)
            gift = {"all": order.amount_minor, "gift": order.amount_minor // 2}[first] if n == 0 else 0
            lines = (("gift_card", gift), ("rides", order.amount_minor - gift))
            at = min(world.now, occurred_at(wish, world) + timedelta(days=n * days))
            id_, amount = self._id(), order.amount_minor
            event = Purchase(id_, order.order_id, order.customer, amount, order.currency, at, lines)
            bought.append(self._sent(event, world))
        return bought[0], bought[1]

    def order_of(self, customer: str, world: World, *, pick: int, amount_minor: int) -> Purchase:
        """An order of this customer, bought now or told once more."""
        known = [bought for bought in world.purchases.values() if bought.customer == customer]
        if known and pick % 3 == 0:
            return _pick(known, pick // 3)
        order = Order(f"o{next(self.numbers)}", customer, amount_minor, "USD")
        self.orders.append(order)
        return self._sent(Purchase(self._id(), order.order_id, customer, amount_minor, "USD", world.now), world)

    def cancelled(self, bought: Purchase, part: int, world: World) -> Refund:
        return self._sent(Refund(self._id(), bought.order_id, None, part, bought.currency, world.now), world)

    def _sent(self, event: Told, world: World) -> Told:
        self.sent.append(event)
        if business_key(event) not in self.facts and event.occurred_at <= world.now + FUTURE_TOLERANCE:
            self.news.append(event)
        self.facts.add(business_key(event))
        return event

    def _event(self, wish: Wish, world: World, about: Order | None) -> Event:
        at = occurred_at(wish, world)
        if wish.kind in ("again", "other_id", "altered", "used_id") and self.sent:
            return self._repetition(wish, at, world)
        if wish.kind in ("purchase", "planned") or wish.kind not in ("refunded_total", "refund", "dispute"):
            planned = about or (self.planned.pop(0) if wish.kind == "planned" and self.planned else None)
            order = planned or self.new_order(wish)
            return Purchase(self._id(), order.order_id, order.customer, order.amount_minor, order.currency, at)
        # Refunds and disputes happen now; only a time too far ahead is of interest, with nothing else wrong.
        at = at if (wish.moment, wish.kind) == ("too_far_ahead", "refund") else world.now
        order = about or self._order(wish, world)
        if wish.kind == "dispute":
            return self._dispute(wish, order, at)
        refund_id = None if wish.kind == "refunded_total" else f"r{next(self.numbers)}"
        amount = self._share(wish, order)
        return Refund(self._id(), order.order_id, refund_id, amount, order.currency, at)

    def _repetition(self, wish: Wish, at: datetime, world: World) -> Event:
        """Something like an event that was sent before: itself, or with just one thing different."""
        event = _pick(self.sent, wish.pick)
        if wish.kind == "again":
            return event
        if wish.kind == "used_id" and self.news:
            # Of a fact that was new: PRODUCT.md does not say whether an id that only repeated one is taken.
            event = _pick(self.news, wish.pick)
            order = self.new_order(wish)
            at = min(at, world.now)
            return Purchase(event.event_id, order.order_id, order.customer, order.amount_minor, order.currency, at)
        event = replace(event, event_id=self._id())
        if wish.kind == "altered" and isinstance(event, Purchase):
            return replace(event, amount_minor=wish.amount_minor, customer=wish.customer)
        return event

    def _dispute(self, wish: Wish, order: Order, at: datetime) -> Dispute:
        status = wish.status
        if status != "opened":
            # A provider does not both lose and win one dispute; two of one order may end differently.
            status = self.verdicts.setdefault((order.order_id, wish.dispute_id), status)
        return Dispute(self._id(), order.order_id, wish.dispute_id, status, at)

    def _share(self, wish: Wish, order: Order) -> int:
        whole = order.amount_minor
        left = {
            "whole": 0,
            "to_minimum": self.minimum_minor,
            "below_minimum": self.minimum_minor - 100,
            "third": whole - whole // 3,
            "seventh": whole - whole // 7,
        }
        amount = whole - left[wish.share]
        return amount if 0 < amount <= order.amount_minor else order.amount_minor

    def _order(self, wish: Wish, world: World) -> Order:
        if wish.ahead or not self.orders:
            order = self.new_order(wish)
            self.planned.append(order)
            return order
        # Every other time one that some referral counts: on the others a refund changes nothing.
        counted = {bought.order_id for s in world.standings.values() for bought in s.counted}
        orders = [order for order in self.orders if order.order_id in counted]
        return _pick(orders if orders and wish.pick % 2 else self.orders, wish.pick // 2)

    def _id(self) -> str:
        return f"e{next(self.numbers)}"


def occurred_at(wish: Wish, world: World) -> datetime:
    now = world.now
    plain = {
        "minute_ahead": timedelta(seconds=60),
        "too_far_ahead": timedelta(seconds=61),
        "hour_ago": timedelta(hours=-1),
        "days_ago": timedelta(days=-1 - wish.pick % 8),
        "long_ago": timedelta(days=-200),
    }
    if wish.moment in plain:
        return now + plain[wish.moment]
    standings = [s for (_, referee), s in world.standings.items() if referee == wish.customer]
    if wish.moment == "now" or not standings:
        return now
    return min(now, edge_of(wish.moment, _pick(standings, wish.pick), now))


def edge_of(moment: Moment, standing: Standing, now: datetime) -> datetime:
    converted = now if standing.conversion is None else standing.conversion.occurred_at
    edges: dict[Moment, datetime] = {
        "opening": standing.opens_at,
        "before_opening": standing.opens_at - SECOND,
        "deadline": standing.deadline,
        "after_deadline": standing.deadline + SECOND,
        "before_conversion": converted - SECOND,
        "with_conversion": converted,
    }
    return edges[moment]


def _pick(things: Sequence[T], number: int) -> T:
    return things[-1 - number % len(things)]

"""What Shopify's orders and refunds mean (https://shopify.dev/docs/api/admin-rest/latest/resources/order).

A cancelled order is one of which everything has been given back, whatever the shop does with the money: nobody is
rewarded for it. Its refunds come as `refunds/create` too; a total beside single refunds is never added to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from referral_service.events.given import PURCHASE, REFUND, GivenEvent, GivenRefund
from referral_service.kit.money import AMOUNT_MINOR_MAX, Money
from referral_service.webhooks_in.providers.body_fields import (
    Object,
    customer_id,
    entries,
    first_email,
    inside,
    noted,
    number_text,
    referral_in,
    rfc3339_time,
    text,
)
from referral_service.webhooks_in.providers.decimal_money import UnusableDecimal, money_of
from referral_service.webhooks_in.providers.provider import (
    MALFORMED_BODY,
    NOTHING_PAID,
    TEST_MODE,
    UNPAID,
    UNUSABLE_AMOUNT,
    Ignored,
    Parked,
    Several,
    Translation,
)

NOT_RELEVANT = "not_relevant"
NOTHING_REFUNDED = "nothing_refunded"
REFUND_PENDING = "refund_pending"

# What `financial_status` says of an order that nobody has paid; an authorized one is paid where its topic says so.
_UNPAID = ("pending", "partially_paid", "voided", "expired", "unpaid")
_CATEGORY_CHARACTERS_MAX = 64
_LINES_MAX = 100
_GIFT_CARD = "gift_card"


@dataclass(frozen=True, slots=True)
class _Told:
    external_id: str
    is_test: bool
    body: Object


def translate(body: Object, *, topic: str, external_id: str, is_test: bool) -> Translation:
    """Say what a message means for a live or a test app. Never raises, whatever the body holds."""
    if not topic:
        return Parked(MALFORMED_BODY)
    meaning = _MEANINGS.get(topic)
    if meaning is None:
        return Ignored(NOT_RELEVANT)
    ours, read = meaning
    try:
        return read(_Told(external_id, is_test, body))
    except UnusableDecimal:
        return Parked(UNUSABLE_AMOUNT, ours)


def _paid(told: _Told) -> Translation:
    order = told.body
    names, at = _names(order), _first_moment(order, "processed_at", "created_at")
    if not names or at is None:
        return Parked(MALFORMED_BODY, PURCHASE)
    if order.get("test") is True and not told.is_test:
        return Parked(TEST_MODE, PURCHASE)
    if order.get("financial_status") in _UNPAID:
        return Parked(UNPAID, PURCHASE)
    given_back = _given_back(told, names)
    money = _amount(order, has_given_back=given_back is not None)
    if money.amount_minor <= 0:
        return Parked(NOTHING_PAID, PURCHASE)
    customer = inside(order, "customer")
    how = referral_in(
        noted(order, "note_attributes", "name"),
        discounts=[discount.get("code") for discount in entries(order, "discount_codes")],
    )
    hint = customer_id(number_text(customer.get("id")))
    purchase = GivenEvent(
        external_id=told.external_id,
        type=PURCHASE,
        occurred_at=at,
        customer_id=how.customer_id,
        customer_hints=() if hint is None else (hint,),
        email=first_email(order.get("email"), order.get("contact_email"), customer.get("email")),
        aliases=names,
        amount=money,
        lines=tuple(_lines(order)),
        code=how.code,
        signed_code=how.signed_code,
        click_token=how.click_token,
        code_hints=how.code_hints,
    )
    if given_back is None:
        return purchase
    # It comes late, or from an export: what was given back since is told by it as well.
    return Several((replace(purchase, external_id=f"{told.external_id}:paid"), given_back))


def _refund(told: _Told) -> Translation:
    refund = told.body
    key, order_id = number_text(refund.get("id")), number_text(refund.get("order_id"))
    at = _first_moment(refund, "processed_at", "created_at")
    if key is None or order_id is None or at is None or not isinstance(refund.get("transactions"), list):
        return Parked(MALFORMED_BODY, REFUND)
    transactions = [one for one in entries(refund, "transactions") if one.get("kind") == "refund"]
    if not told.is_test and any(one.get("test") is True for one in transactions):
        return Parked(TEST_MODE, REFUND)
    money = _sum(refund)
    if money is None:
        # Goods were taken back without money, or the bank has not answered yet.
        is_pending = any(one.get("status") == "pending" for one in transactions)
        return Parked(REFUND_PENDING, REFUND) if is_pending else Ignored(NOTHING_REFUNDED)
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=at,
        aliases=(order_id,),
        refund=GivenRefund("single", key, money),
    )


def _cancelled(told: _Told) -> Translation:
    order = told.body
    names = _names(order)
    if not names or rfc3339_time(order.get("cancelled_at")) is None:
        return Parked(MALFORMED_BODY, REFUND)
    if order.get("test") is True and not told.is_test:
        return Parked(TEST_MODE, REFUND)
    if order.get("financial_status") in _UNPAID:
        return Ignored(UNPAID)
    return _given_back(told, names) or Ignored(NOTHING_REFUNDED)


_MEANINGS: dict[str, tuple[str, Callable[[_Told], Translation]]] = {
    "orders/paid": (PURCHASE, _paid),
    "refunds/create": (REFUND, _refund),
    "orders/cancelled": (REFUND, _cancelled),
}


def _given_back(told: _Told, names: tuple[str, ...]) -> GivenEvent | None:
    """Return how much of an order has been given back in all, as far as the order itself says."""
    order = told.body
    at = rfc3339_time(order.get("cancelled_at"))
    if at is not None:
        money = money_of(order.get("total_price"), order.get("currency"))
    else:
        done = [(refund, amount) for refund in entries(order, "refunds") if (amount := _sum(refund)) is not None]
        if not done:
            return None
        money = _together([amount for _, amount in done])
        at = _first_moment(done[-1][0], "processed_at", "created_at")
    if at is None or money.amount_minor <= 0:
        return None
    return GivenEvent(
        external_id=told.external_id,
        type=REFUND,
        occurred_at=at,
        aliases=names,
        refund=GivenRefund("cumulative", f"total:{money.amount_minor}:{money.currency}", money),
    )


def _amount(order: Object, *, has_given_back: bool) -> Money:
    """Return what was paid. The current total lacks what was given back; before that it has what was added later."""
    current = order.get("current_total_price")
    total = order.get("total_price") if has_given_back or current is None else current
    return money_of(total, order.get("currency"))


def _sum(refund: Object) -> Money | None:
    """Return the money that a refund gave back, None where it gave none (yet)."""
    done = [
        one for one in entries(refund, "transactions") if one.get("kind") == "refund" and one.get("status") == "success"
    ]
    return _together([_shop_money(one) for one in done]) if done else None


def _shop_money(transaction: Object) -> Money:
    """Return a transaction's amount in the shop's currency, which the order is in, where it says both."""
    shop = inside(inside(transaction, "amount_set"), "shop_money")
    if shop:
        return money_of(shop.get("amount"), shop.get("currency_code"))
    return money_of(transaction.get("amount"), transaction.get("currency"))


def _together(amounts: list[Money]) -> Money:
    if len({money.currency for money in amounts}) != 1 or any(money.amount_minor < 0 for money in amounts):
        raise UnusableDecimal("Not one sum.")
    return Money(sum(money.amount_minor for money in amounts), amounts[0].currency)


def _names(order: Object) -> tuple[str, ...]:
    """Return the order's ids. Its name (`#1001`) is none: another shop of the same owner has the same."""
    names = [number_text(order.get("id")), text(order.get("admin_graphql_api_id"))]
    return tuple(dict.fromkeys(name for name in names if name is not None)) if names[0] else ()


def _first_moment(document: Object, *fields: str) -> datetime | None:
    return next((at for at in (rfc3339_time(document.get(field)) for field in fields) if at is not None), None)


def _lines(order: Object) -> list[dict[str, object]]:
    """Return what each line with a category cost; one that cannot be read is left out, and counts with the rest."""
    lines: list[dict[str, object]] = []
    for item in entries(order, "line_items")[:_LINES_MAX]:
        kinds = (item.get("product_type"), item.get("vendor"))
        named = next((kind for kind in (text(kind, _CATEGORY_CHARACTERS_MAX) for kind in kinds) if kind), None)
        category = _GIFT_CARD if item.get("gift_card") is True else named
        quantity = item.get("quantity")
        if category is None or type(quantity) is not int or not 0 < quantity <= 1_000_000:
            continue
        try:
            price = money_of(item.get("price"), order.get("currency")).amount_minor
            discounts = entries(item, "discount_allocations")
            off = sum(money_of(one.get("amount"), order.get("currency")).amount_minor for one in discounts)
        except UnusableDecimal:
            continue
        lines.append({"category": category, "amount_minor": min(max(price * quantity - off, 0), AMOUNT_MINOR_MAX)})
    return lines

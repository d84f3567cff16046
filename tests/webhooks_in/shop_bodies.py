"""Orders and refunds of shops, after Shopify's and WooCommerce's references. Only what a test is about is set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cast import NOON

# Beyond 2^53, as Shopify's ids are: a float would lose its last digits.
BIG_ID = 9_007_199_254_740_995


def shopify_order(**more: Any) -> dict[str, Any]:
    """Return a paid order of Shopify; https://shopify.dev/docs/api/admin-rest/latest/resources/order."""
    return {
        "id": BIG_ID,
        "admin_graphql_api_id": f"gid://shopify/Order/{BIG_ID}",
        "cancelled_at": None,
        "created_at": "2026-03-01T07:00:00-05:00",
        "currency": "USD",
        "current_total_price": "50.00",
        "customer": {"id": 207119551, "email": "bob@example.com"},
        "discount_codes": [],
        "email": "bob@example.com",
        "financial_status": "paid",
        "line_items": [],
        "name": "#1001",
        "note_attributes": [],
        "order_number": 1001,
        "processed_at": "2026-03-01T07:00:00-05:00",
        "refunds": [],
        "test": False,
        "total_price": "50.00",
        **more,
    }


def shopify_transaction(amount: str = "25.00", **more: Any) -> dict[str, Any]:
    """Return the transaction of a refund that went through."""
    return {"id": 1, "amount": amount, "currency": "USD", "kind": "refund", "status": "success", "test": False, **more}


def shopify_refund(*transactions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a refund of Shopify."""
    return {
        "id": BIG_ID + 2,
        "order_id": BIG_ID,
        "created_at": "2026-03-01T12:00:00Z",
        "processed_at": "2026-03-01T12:00:00Z",
        "transactions": list(transactions),
        **more,
    }


def note_attributes(**said: object) -> list[dict[str, object]]:
    """Return the cart's attributes, as Shopify lists them."""
    return [{"name": name, "value": value} for name, value in said.items()]


def woo_order(*, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """Return a paid order of WooCommerce; https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties."""
    time = at.replace(tzinfo=None).isoformat()
    return {
        "id": 727,
        "number": "10027",
        "order_key": "wc_order_58d2d042d1d",
        "status": "processing",
        "currency": "USD",
        "date_modified_gmt": time,
        "total": "50.00",
        "customer_id": 0,
        "billing": {"email": "bob@example.com"},
        "date_paid_gmt": time,
        "meta_data": [],
        "coupon_lines": [],
        "refunds": [],
        **more,
    }


def meta_data(**said: object) -> list[dict[str, object]]:
    """Return the order's meta data, as WooCommerce lists it."""
    return [{"id": number, "key": key, "value": value} for number, (key, value) in enumerate(said.items(), start=1)]

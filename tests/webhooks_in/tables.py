"""Tables as dashboards export them: the columns that are read, among others."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

SHOPIFY_COLUMNS = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Currency", "Subtotal", "Total",
    "Discount Code", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Notes", "Note Attributes",
    "Cancelled at", "Payment Method", "Refunded Amount", "Vendor", "Id", "Tags", "Lineitem discount",
)  # fmt: skip
STRIPE_COLUMNS = (
    "id", "Created date (UTC)", "Amount", "Amount Refunded", "Currency", "Captured", "Description", "Fee", "Mode",
    "PaymentIntent ID", "Refunded date (UTC)", "Status", "Customer ID", "Customer Email", "Invoice ID",
    "referral_customer_id (metadata)",
)  # fmt: skip


def table(columns: Sequence[str], *rows: dict[str, str], ends: str = "\r\n") -> bytes:
    """Return a table; cells that a row does not name are blank."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator=ends)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def shopify_row(**cells: str) -> dict[str, str]:
    """Return the first row of an order of 50.00; underscores in a name stand for blanks."""
    return {
        "Name": "#1001",
        "Email": "bob@example.com",
        "Financial Status": "paid",
        "Paid at": "2026-03-01 07:00:05 -0500",
        "Currency": "USD",
        "Subtotal": "45.00",
        "Total": "50.00",
        "Created at": "2026-03-01 07:00:00 -0500",
        "Lineitem quantity": "2",
        "Lineitem name": "Tea",
        "Lineitem price": "20.00",
        "Vendor": "Teas",
        "Payment Method": "Shopify Payments",
        "Refunded Amount": "0.00",
        "Id": "9007199254740995",
        "Lineitem discount": "1.00",
        **_named(cells),
    }


def stripe_row(**cells: str) -> dict[str, str]:
    """Return a payment of 50.00."""
    return {
        "id": "ch_1",
        "Created date (UTC)": "2026-03-01 12:00:00",
        "Amount": "50.00",
        "Amount Refunded": "0.00",
        "Currency": "usd",
        "Captured": "true",
        "Mode": "Live",
        "PaymentIntent ID": "pi_1",
        "Status": "Paid",
        "Customer Email": "bob@example.com",
        **_named(cells),
    }


def _named(cells: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", " "): value for name, value in cells.items()}

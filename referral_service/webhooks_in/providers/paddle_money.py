"""Paddle's amounts: texts of minor units, of every currency as ISO 4217 has them
(https://developer.paddle.com/api-reference/currencies).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from referral_service.kit.money import AMOUNT_MINOR_MAX, CURRENCIES, Money

# What is longer than the largest amount is no number to be read.
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,12}")
_CATEGORY_CHARACTERS_MAX = 64
_CATEGORIES_MAX = 100


class UnusableAmount(ValueError):
    """An amount that is none, too large, or in no known currency."""


def money_from(amount: object, currency: object, totals: Mapping[str, Any]) -> Money:
    """Return an amount as Paddle writes it (`"1000"`, `"USD"`); raise UnusableAmount. Zero is an amount.

    `totals` are those the amount stands among; where they name a currency, it must be the same.
    """
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise UnusableAmount("Not a currency.")
    if totals.get("currency_code", currency) != currency:
        raise UnusableAmount("Two currencies.")
    return Money(_minor(amount), currency)


def lines_from(line_items: object) -> tuple[dict[str, Any], ...]:
    """Return what was paid for each category of products, with tax as in the grand total; raise UnusableAmount.

    The category is the product's tax category, or its type. A program leaves out whole categories, so the lines of one
    are added up; what has no category is in none.
    """
    sums: dict[str, int] = {}
    for line in line_items if isinstance(line_items, list) else []:
        if not isinstance(line, dict):
            raise UnusableAmount("Not a line.")
        totals, product = line.get("totals"), line.get("product")
        amount = _minor(totals.get("total") if isinstance(totals, dict) else None)
        category = _category(product) if isinstance(product, dict) else None
        if category is not None:
            sums[category] = sums.get(category, 0) + amount
    if len(sums) > _CATEGORIES_MAX or any(amount > AMOUNT_MINOR_MAX for amount in sums.values()):
        raise UnusableAmount("Too much.")
    return tuple({"category": category, "amount_minor": amount} for category, amount in sums.items())


def _category(product: Mapping[str, Any]) -> str | None:
    for name in ("tax_category", "type"):
        text = product.get(name)
        if isinstance(text, str) and 1 <= len(text) <= _CATEGORY_CHARACTERS_MAX and text.isprintable():
            return text
    return None


def _minor(amount: object) -> int:
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount) or int(amount) > AMOUNT_MINOR_MAX:
        raise UnusableAmount("Not an amount.")
    return int(amount)

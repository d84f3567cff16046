"""Customers with share pages."""

from __future__ import annotations

from typing import Any

from share.page_seen import PageSeen, seen

from builders import Api, expect
from cast import ALICE, NOON, Person
from referral_service.programs.load_recipe import load_recipe


def a_token(api: Api, program: Any, *, of: Person = ALICE, **more: Any) -> str:
    """Mint a share token."""
    body = {"program_id": program["id"], **more}
    token: str = expect(api.post(f"/v1/customers/{of.customer_id}/share-tokens", body), 201)["token"]
    return token


def a_recipe(api: Api, name: str) -> Any:
    """Create a recipe's program, and activate it."""
    made = load_recipe(name, {}, now=NOON)
    body = {"name": made["name"], "landing_url": "https://shop.example/", "allowed_hosts": [], "terms": made["terms"]}
    program = expect(api.post("/v1/programs", body), 201)
    return expect(api.post(f"/v1/programs/{program['id']}/activate"), 200)


def branded(api: Api, program: Any, **branding: Any) -> Any:
    """Set a program's branding."""
    return expect(api.patch(f"/v1/programs/{program['id']}", {"branding": branding}), 200)


def friends(number: int) -> list[Person]:
    """So many people without a name."""
    return [Person(f"friend-{n}", f"friend-{n}@example.com", f"Name {n}") for n in range(number)]


def page(api: Api, token: str, *, embed: bool = False, status: int = 200, **query: Any) -> PageSeen:
    """Open a share page, as somebody without a key does."""
    return seen(api.with_key(None).get(f"/me/{token}{'/embed' * embed}", **query), status=status)

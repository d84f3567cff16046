"""Wishes that come together are granted as if they had come one after another."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from asked import statements
from signing.key_cast import open_shop, start_program
from sqlalchemy import select

from builders import Api, a_program
from cast import NOON
from referral_service.codes import issue_codes as room
from referral_service.codes import issuing as issuing_module
from referral_service.codes.errors import CodeNotAllowed, CodeTaken, InvalidVanityText, ProgramNotActive
from referral_service.codes.issue_codes import Issued, Wish, issue_codes
from referral_service.codes.issuing import Asked, Issuing
from referral_service.codes.models import Code
from referral_service.customers.models import Customer
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound, Problem


@dataclass
class Shop:
    database: Database
    app_id: int
    program_id: str

    def wish(self, customer: str, vanity: str | None = None, program_id: str | None = None) -> Wish:
        return Wish(program_id=program_id or self.program_id, customer_external_id=customer, vanity=vanity)

    def issue(self, *wishes: Wish) -> list[Issued | Problem]:
        return self.database.transact(lambda session: issue_codes(session, app_id=self.app_id, wishes=wishes, now=NOON))

    def customers(self) -> set[str | None]:
        return self.database.read(
            lambda session: set(session.scalars(select(Customer.external_id).where(Customer.app_id == self.app_id)))
        )

    def codes(self) -> list[Code]:
        return self.database.read(
            lambda session: list(session.scalars(select(Code).where(Code.app_id == self.app_id).order_by(Code.id)))
        )


@pytest.fixture
def shop(database: Database) -> Shop:
    app = open_shop(database)
    return Shop(database, app.id, start_program(database, app.id).id)


def at_once(issuing: Issuing, several: Sequence[Asked]) -> list[Issued | Problem]:
    def one(asked: Asked) -> Issued | Problem:
        try:
            return issuing.do(asked)
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(several)) as threads:
        return list(threads.map(one, several))


def test_each_wish_has_its_own_answer(shop: Shop) -> None:
    other = start_program(shop.database, shop.app_id)
    paused = start_program(shop.database, shop.app_id, status="paused")
    (old,) = shop.issue(shop.wish("old", "OLDEST1"))
    answers = shop.issue(
        shop.wish("new"),
        shop.wish("old", "SECOND2"),
        shop.wish("vain", "Maria-20"),
        shop.wish("late", "0LDEST1"),
        shop.wish("rude", "FUCK20"),
        shop.wish("odd", "<b>"),
        shop.wish("nowhere", program_id="prg_none"),
        shop.wish("early", program_id=paused.id),
        shop.wish("new", program_id=other.id),
    )
    new, again, vain, *refused, elsewhere = answers
    assert isinstance(old, Issued)
    assert isinstance(new, Issued)
    assert isinstance(again, Issued)
    assert isinstance(vain, Issued)
    assert isinstance(elsewhere, Issued)
    assert [type(problem) for problem in refused] == [
        CodeTaken,
        CodeNotAllowed,
        InvalidVanityText,
        NotFound,
        ProgramNotActive,
    ]
    assert (new.is_new, vain.is_new, elsewhere.is_new) == (True, True, True)
    assert (again.code.id, again.is_new) == (old.code.id, False)
    assert (vain.code.text, vain.code.folded) == ("Maria-20", "MAR1A20")
    assert elsewhere.code.customer_id == new.code.customer_id
    # Nobody is made by a wish that is refused.
    assert shop.customers() == {"old", "new", "vain"}
    assert {code.id for code in shop.codes()} == {it.code.id for it in (old, new, vain, elsewhere)}


def test_a_text_that_two_wish_for_together_goes_to_the_first(shop: Shop) -> None:
    first, second = shop.issue(shop.wish("first", "MARIA20"), shop.wish("second", "maria-20"))
    assert isinstance(first, Issued)
    assert isinstance(second, CodeTaken)
    assert shop.customers() == {"first"}


def test_a_text_that_is_taken_at_this_very_moment_undoes_all_of_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.issue(shop.wish("early", "MARIA20"))
    # As if it had not been there when the texts were looked up.
    monkeypatch.setattr(room, "_whose_text_is_taken", lambda *_, **__: [])
    with pytest.raises(CodeTaken):
        shop.issue(shop.wish("late", "maria-20"), shop.wish("other"))
    assert shop.customers() == {"early"}


def test_whoever_asks_twice_at_once_for_one_text_has_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (own,) = shop.issue(shop.wish("alice", "MARIA20"))
    # As if the other call had ended between the first look and the second.
    really, looked = room._look_up, iter([True, False])

    def look_up(*args: Any, **named: Any) -> Any:
        found = really(*args, **named)
        return {place: room._Known() for place in found} if next(looked) else found

    monkeypatch.setattr(room, "_look_up", look_up)
    (again,) = shop.issue(shop.wish("alice", "maria-20"))
    assert isinstance(own, Issued)
    assert isinstance(again, Issued)
    assert (again.code.id, again.is_new) == (own.code.id, False)


def test_many_wishes_take_as_many_statements_as_two(shop: Shop) -> None:
    def asked(*customers: str) -> int:
        with statements(shop.database) as counted:
            shop.issue(*(shop.wish(customer) for customer in customers))
        return len(counted)

    asked("warm", "up")
    assert asked(*(f"c{n}" for n in range(40))) == asked("a", "b") <= 4


def test_wishes_at_once_are_answered_as_one_by_one(shop: Shop) -> None:
    issuing = Issuing(shop.database)
    wishes = [
        shop.wish("twice"),
        shop.wish("twice", "TWICE22"),
        shop.wish("first", "MARIA20"),
        shop.wish("second", "maria-20"),
        shop.wish("rude", "FUCK20"),
        *(shop.wish(f"c{n}") for n in range(11)),
    ]
    answers = at_once(issuing, [Asked(app_id=shop.app_id, wish=wish, now=NOON) for wish in wishes])
    one, other, maria, late, rude, *others = answers
    assert isinstance(one, Issued)
    assert isinstance(other, Issued)
    assert one.code.id == other.code.id
    assert sorted([one.is_new, other.is_new]) == [False, True]
    assert {type(maria), type(late)} == {Issued, CodeTaken}
    assert isinstance(rude, CodeNotAllowed)
    assert all(isinstance(it, Issued) and it.is_new for it in others)
    assert len(shop.codes()) == 13


def test_of_one_list_the_first_wish_for_a_place_is_granted_and_the_second_left(shop: Shop) -> None:
    wishes = [shop.wish("alice"), shop.wish("bob"), shop.wish("alice"), shop.wish("alice", "ALICE20")]
    several = [Asked(app_id=shop.app_id, wish=wish, now=NOON) for wish in wishes]
    answers = shop.database.transact(lambda session: issuing_module._issue_together(session, several))
    assert [answer is not None and answer.is_new for answer in answers] == [True, True, False, False]
    assert [answer is None for answer in answers] == [False, False, True, True]
    assert len(shop.codes()) == 2


def test_with_a_key_or_without_one_a_code_is_issued_in_the_same_words(api: Api) -> None:
    path = f"/v1/programs/{a_program(api)['id']}/codes"
    plain = api.post(path, {"customer_id": "alice"})
    keyed = api.post(path, {"customer_id": "bob"}, idempotency_key="k")
    again = api.post(path, {"customer_id": "bob"}, idempotency_key="k")
    assert [answer.status_code for answer in (plain, keyed, again)] == [201, 201, 201]
    assert plain.json.keys() == keyed.json.keys()
    assert (again.data, again.headers["Idempotency-Replayed"]) == (keyed.data, "true")
    assert api.post(path, {"customer_id": "bob"}).status_code == 200
    refused = api.post(path, {"customer_id": "bob", "vanity": "no way"})
    assert refused.status_code == 422

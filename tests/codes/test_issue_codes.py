"""One active code a customer and program, however many ask at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from signing.key_cast import open_shop, start_program
from sqlalchemy import select
from sqlalchemy.orm import Session

from cast import NOON
from referral_service.codes import issue_codes as room
from referral_service.codes.errors import CodeNotAllowed, CodeTaken, InvalidVanityText, ProgramNotActive
from referral_service.codes.issue_codes import issue_code
from referral_service.codes.models import Code
from referral_service.codes.revoke_code import revoke_code
from referral_service.customers.models import Customer
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound
from referral_service.kit.ids import has_valid_check, is_id


@dataclass
class Shop:
    """An app with one active program."""

    database: Database
    app_id: int
    program_id: str

    def issue(self, customer: str = "alice", vanity: str | None = None, **changes: Any) -> tuple[Code, bool]:
        values: dict[str, Any] = {
            "app_id": self.app_id,
            "program_id": self.program_id,
            "customer_external_id": customer,
            "vanity": vanity,
            "now": NOON,
        }
        return self.database.transact(lambda session: issue_code(session, **(values | changes)))

    def codes(self) -> list[Code]:
        return self.database.read(
            lambda session: list(session.scalars(select(Code).where(Code.app_id == self.app_id).order_by(Code.id)))
        )

    def revoke(self, code: Code) -> bool:
        return self.database.transact(
            lambda session: revoke_code(session, app_id=self.app_id, code_id=code.id, now=NOON)
        )


@pytest.fixture
def shop(database: Database) -> Shop:
    app = open_shop(database)
    return Shop(database, app.id, start_program(database, app.id).id)


def all_at_once(work: Sequence[Callable[[], Any]]) -> list[Any]:
    together = Barrier(len(work))

    def one(act: Callable[[], Any]) -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def test_a_code_is_made_once_and_stays_the_same(shop: Shop) -> None:
    code, created = shop.issue()
    assert created
    assert is_id(code.id, "rc")
    assert has_valid_check(code.text)
    assert (code.folded, code.state, code.is_vanity, code.created_at) == (code.text, "active", False, NOON)
    again, created_again = shop.issue()
    assert not created_again
    assert (again.id, again.text, again.created_at) == (code.id, code.text, NOON)
    assert len(shop.codes()) == 1


def test_the_customer_is_made_with_the_code(shop: Shop) -> None:
    code, _ = shop.issue("bob")
    found = shop.database.read(
        lambda session: session.execute(
            select(Customer.id).where(Customer.app_id == shop.app_id, Customer.external_id == "bob")
        ).scalar_one()
    )
    assert code.customer_id == found


def test_customers_and_programs_have_codes_of_their_own(shop: Shop) -> None:
    other = start_program(shop.database, shop.app_id)
    texts = {
        shop.issue("alice")[0].text,
        shop.issue("bob")[0].text,
        shop.issue("alice", program_id=other.id)[0].text,
    }
    assert len(texts) == 3
    assert len({code.customer_id for code in shop.codes()}) == 2


def test_a_vanity_code_is_shown_as_written(shop: Shop) -> None:
    code, created = shop.issue(vanity="Maria-20")
    assert created
    assert (code.text, code.folded, code.is_vanity) == ("Maria-20", "MAR1A20", True)


def test_full_width_letters_are_the_letters_they_look_like(shop: Shop) -> None:
    assert shop.issue(vanity="ＭＡＲＩＡ２０")[0].text == "MARIA20"


def test_whoever_has_a_code_keeps_it_also_when_asking_for_another_text(shop: Shop) -> None:
    first, _ = shop.issue()
    again, created = shop.issue(vanity="ALICE20")
    assert (again.id, created) == (first.id, False)
    vanity, _ = shop.issue("bob", vanity="BOBBY20")
    assert shop.issue("bob")[0].text == shop.issue("bob", vanity="OTHER20")[0].text == vanity.text


@pytest.mark.parametrize("text", ["MARIA20", "maria20", "Maria-20", "MARLA20", "MAR1A20", "MARIA2O", "M-A-R-I-A-2-0"])
def test_a_text_that_looks_like_a_taken_one_is_taken(shop: Shop, text: str) -> None:
    shop.issue("alice", vanity="MARIA20")
    with pytest.raises(CodeTaken):
        shop.issue("bob", vanity=text)
    assert len(shop.codes()) == 1
    # Nothing is left behind of a refused call.
    with pytest.raises(NotFound):
        shop.issue("bob", program_id="prg_none")


def test_another_app_may_have_the_same_text(shop: Shop) -> None:
    shop.issue(vanity="MARIA20")
    other = open_shop(shop.database)
    theirs = Shop(shop.database, other.id, start_program(shop.database, other.id).id)
    assert theirs.issue(vanity="MARIA20")[1]


@pytest.mark.parametrize(
    "text",
    [
        *("", "AB", "A-B", "A" * 21, "MARIA 20", "MARIA_20", "-MARIA", "MARIA-", "MA--RIA", "МАРІЯ", "MARÍA", "ß20"),
        *("ıvan", "MARIA\n", "MARIA\x00", "<b>AB", "A" * 5000, "😀😀😀", "MARIA%20", "../AB", "K\u0130M", " ABC"),
    ],
)
def test_a_text_that_cannot_be_typed_safely_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(InvalidVanityText):
        shop.issue(vanity=text)
    assert shop.codes() == []


@pytest.mark.parametrize(
    "text",
    ["FUCK20", "sh1thappens", "F-U-C-K", "B1TCH", "ASS20", "A55", "20-ass", "N1GGER", "sSHITs", "C0CK", "NAZI88"],
)
def test_an_offensive_text_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(CodeNotAllowed):
        shop.issue(vanity=text)
    assert shop.codes() == []


@pytest.mark.parametrize(
    "text",
    [
        *("CLASS20", "ESSEX5", "SCUNTHORPE", "THERAPIST7", "NIGERIA", "YOSHITAKA", "SALTWATER", "COUNTRY", "MASS55"),
        *("DICKENS", "COCKTAIL", "GRAPE20", "ALASKA", "TITAN", "NAZIR", "BASSIST", "POPCORN", "ANALYST", "SUSSEX"),
    ],
)
def test_an_innocent_text_is_taken(shop: Shop, text: str) -> None:
    assert shop.issue(vanity=text)[0].text == text


@pytest.mark.parametrize("status", ["draft", "paused", "archived", "ended"])
def test_only_an_active_program_gives_codes(shop: Shop, status: str) -> None:
    program = start_program(shop.database, shop.app_id, status=status)
    with pytest.raises(ProgramNotActive) as refused:
        shop.issue(program_id=program.id)
    assert refused.value.facts == {"program_status": status}
    assert shop.codes() == []


def test_another_apps_program_is_not_there(shop: Shop) -> None:
    other = open_shop(shop.database)
    theirs = start_program(shop.database, other.id)
    with pytest.raises(NotFound):
        shop.issue(program_id=theirs.id)


def test_a_revoked_code_makes_way_for_a_new_one_and_its_text_stays_taken(shop: Shop) -> None:
    first, _ = shop.issue(vanity="ALICE20")
    assert shop.revoke(first)
    assert not shop.revoke(first)
    second, created = shop.issue()
    assert created
    assert second.id != first.id
    with pytest.raises(CodeTaken):
        shop.issue("bob", vanity="ALICE20")
    assert [code.state for code in shop.codes()] == ["revoked", "active"]
    assert shop.codes()[0].revoked_at == NOON


def test_revoking_stays_in_its_tenant(shop: Shop) -> None:
    code, _ = shop.issue()
    other = open_shop(shop.database)
    assert not shop.database.transact(lambda session: revoke_code(session, app_id=other.id, code_id=code.id, now=NOON))
    assert shop.codes()[0].state == "active"


def test_a_random_text_that_is_taken_is_drawn_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _ = shop.issue("alice")
    drawn = iter([taken.text, taken.text, "K7QM3XTD"])
    monkeypatch.setattr(room, "random_code", lambda: next(drawn))
    assert shop.issue("bob")[0].text == "K7QM3XTD"


def test_a_broken_generator_is_no_endless_loop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _ = shop.issue("alice")
    monkeypatch.setattr(room, "random_code", lambda: taken.text)
    with pytest.raises(RuntimeError, match="random"):
        shop.issue("bob")


def test_a_random_text_is_never_offensive(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["SH1TSH1T", "K7QM3XTD"])
    monkeypatch.setattr(room, "random_code", lambda: next(drawn))
    assert shop.issue()[0].text == "K7QM3XTD"


def test_whoever_asks_at_once_gets_the_same_code(shop: Shop) -> None:
    for number in range(15):
        answers = all_at_once([partial(shop.issue, f"customer-{number}")] * 6)
        assert len({code.id for code, _ in answers}) == 1
        assert sum(created for _, created in answers) == 1
    assert len(shop.codes()) == 15


def test_a_vanity_text_wanted_by_many_at_once_goes_to_one(shop: Shop) -> None:
    def ask(customer: str, text: str) -> bool:
        try:
            return shop.issue(customer, vanity=text)[1]
        except CodeTaken:
            return False

    for number in range(10):
        text = f"SUMMER{number}"
        outcomes = all_at_once([partial(ask, f"{text}-{caller}", text) for caller in range(6)])
        assert outcomes.count(True) == 1


def test_one_customer_who_asks_at_once_for_different_texts_gets_one_of_them(shop: Shop) -> None:
    for number in range(10):
        customer = f"both-{number}"
        wanted = [f"BOTH-{number}-{caller}" for caller in range(4)]
        answers = all_at_once([partial(shop.issue, customer, vanity=text) for text in wanted])
        assert len({code.id for code, _ in answers}) == 1


def test_a_code_that_is_revoked_at_that_very_moment_does_not_make_a_free_text_taken(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, refused = room._inserted, iter([True, False])

    def insert(session: Session, codes: Sequence[Code]) -> set[str]:
        # As if the customer's old code had stood in the way of the first try, and were gone by the second.
        return set() if next(refused) else really(session, codes)

    monkeypatch.setattr(room, "_inserted", insert)
    code, created = shop.issue(vanity="ALICE20")
    assert (code.text, created) == ("ALICE20", True)


def test_issue_and_revoke_at_once_leave_at_most_one_active_code(shop: Shop) -> None:
    for number in range(10):
        customer = f"turn-{number}"
        code, _ = shop.issue(customer)
        issue, revoke = partial(shop.issue, customer), partial(shop.revoke, code)
        all_at_once([issue, revoke, partial(shop.issue, customer, vanity=f"TURN{number}")])
        shop.issue(customer)
    active = [code.customer_id for code in shop.codes() if code.state == "active"]
    assert len(active) == len(set(active)) == 10

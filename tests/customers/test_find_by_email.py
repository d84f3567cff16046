"""An e-mail address leads to the one person who has it, and says so when there are several."""

from __future__ import annotations

from customers.people import Put

from cast import NOON
from referral_service.customers.emails import Emails
from referral_service.customers.erase_customer import erase_customer
from referral_service.customers.find_by_email import find_by_email
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


def find(database: Database, emails: Emails, app_id: int, *addresses: str) -> dict[str, list[str]]:
    indexes = {emails.index(address, app_id=app_id): address for address in addresses}
    found = database.read(lambda session: find_by_email(session, app_id=app_id, indexes=list(indexes)))
    return {indexes[index]: ids for index, ids in found.items()}


def test_each_address_leads_to_its_person_in_one_call(
    database: Database, emails: Emails, app_id: int, put: Put
) -> None:
    alice, _ = put("alice", email="alice@example.com")
    bob, _ = put("bob", email="Bob@Example.com")
    put("carol")
    found = find(database, emails, app_id, "ALICE@example.com", "bob@example.com", "nobody@example.com")
    assert found == {"ALICE@example.com": [alice.id], "bob@example.com": [bob.id]}
    assert find(database, emails, app_id) == {}


def test_an_address_that_several_have_gives_two_of_them_however_many(
    database: Database, emails: Emails, app_id: int, put: Put
) -> None:
    family = {put(name, email="home@example.com")[0].id for name in ("mum", "dad", "kid")}
    (two,) = find(database, emails, app_id, "home@example.com").values()
    assert len(two) == len(set(two)) == 2
    assert set(two) <= family


def test_a_tagged_address_is_another_address(database: Database, emails: Emails, app_id: int, put: Put) -> None:
    put("bob", email="bob+shop@example.com")
    assert find(database, emails, app_id, "bob@example.com") == {}


def test_people_of_other_apps_and_erased_ones_are_not_found(
    database: Database, emails: Emails, tenant: OpenedApp, trial_tenant: OpenedApp, put: Put
) -> None:
    here, there = tenant.tenant.app_id, trial_tenant.tenant.app_id
    put("bob", app_id=there, email="bob@example.com")
    assert find(database, emails, here, "bob@example.com") == {}
    theirs = emails.index("bob@example.com", app_id=there)
    assert database.read(lambda session: find_by_email(session, app_id=here, indexes=[theirs])) == {}
    gone, _ = put("bob", email="bob@example.com")
    database.transact(lambda session: erase_customer(session, emails, app_id=here, customer_id=gone.id, now=NOON))
    assert find(database, emails, here, "bob@example.com") == {}
    again, _ = put("bob", email="bob@example.com")
    assert find(database, emails, here, "bob@example.com") == {"bob@example.com": [again.id]}

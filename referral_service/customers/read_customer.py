"""Read people: one with all that is known, or many by the app's own ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import customers
from referral_service.customers.models import Customer
from referral_service.customers.profile import CustomerRecord, open_profile
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.among import Among
from referral_service.kit.db.base import Id, Number
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.kit.errors import NotFound

_NAMES = Among(
    select(customers.c.id, customers.c.external_id).where(customers.c.app_id == bindparam("app_id")), customers.c.id
)
NO_SUCH_CUSTOMER = "There is no such customer in this app, or they have been erased."


def read_customer(session: Session, sealer: Sealer, *, app_id: int, external_id: str) -> CustomerRecord:
    """Return the person whom the app calls `external_id`, with the profile opened; raise NotFound."""
    row = session.execute(
        select(*Customer.__table__.columns).where(Customer.app_id == app_id, Customer.external_id == external_id)
    ).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    profile = open_profile(sealer, row.profile_ct, app_id=app_id, customer_id=row.id)
    return CustomerRecord(
        id=row.id,
        customer_id=external_id,
        email=profile.email,
        display_name=profile.display_name,
        locale=row.locale,
        leaderboard_opt_in=row.leaderboard_opt_in,
        invite_name_opt_in=row.invite_name_opt_in,
        attributes=row.attributes,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def external_ids(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, str | None]:
    """Return the app's own id for each `cus_…` of the app, None for who was erased; unknown ids are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    return {row.id: row.external_id for row in _NAMES.execute(session, wanted, {"app_id": app_id})}


def external_ids_of_apps(session: Session, *, ids: Mapping[int, Iterable[str]]) -> dict[int, dict[str, str | None]]:
    """Return for each app number what `external_ids` does, in one look-up."""
    if len(ids) == 1:
        # It says so: on a cluster one node is asked, and not each of them.
        return {app_id: external_ids(session, app_id=app_id, ids=of_app) for app_id, of_app in ids.items()}
    found: dict[int, dict[str, str | None]] = {app_id: {} for app_id in ids}
    wanted = [{"app_id": app_id, "id": customer_id} for app_id in ids for customer_id in set(ids[app_id])]
    if not wanted:
        return found
    statement = _names_in_several(session.get_bind().dialect.name)
    for app_id, customer_id, external_id in session.execute(statement, {"wanted": as_parameter(wanted)}):
        found[app_id][customer_id] = external_id
    return found


@cache
def _names_in_several(dialect: str) -> Select[int, str, str | None]:
    wanted = given_rows(dialect, "wanted", app_id=Number, id=Id)
    return select(customers.c.app_id, customers.c.id, customers.c.external_id).join(
        wanted, and_(customers.c.app_id == wanted.c.app_id, customers.c.id == wanted.c.id)
    )

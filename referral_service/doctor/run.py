"""The examination: every check over every app, in one reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from referral_service.config import Settings
from referral_service.doctor.announcements import check_announcements
from referral_service.doctor.audit_chain import check_audit_chain
from referral_service.doctor.balance import check_balance
from referral_service.doctor.books import Books
from referral_service.doctor.configuration import check_configuration
from referral_service.doctor.grants import check_grants
from referral_service.doctor.inbox import check_inbox
from referral_service.doctor.limits import check_limits
from referral_service.doctor.order import check_order
from referral_service.doctor.references import check_every_row_has_an_app, check_references
from referral_service.doctor.report import Check, Report
from referral_service.doctor.reversals import check_reversals
from referral_service.doctor.transitions import check_transitions
from referral_service.doctor.uniqueness import check_grants_are_unique, check_people

Progress = Callable[[str, int], None]

POSTGRESQL_SETTINGS = (
    # Reading a large book takes longer than any request may.
    "statement_timeout = '30min'",
    # Rows are fetched a few at a time and yet all of them: the planner should not hurry to the first.
    "cursor_tuple_fraction = 1.0",
    # Everything is read whole. Where the server does not know yet how much that is (nothing was analyzed since the
    # rows came in), it would take a join row by row for a bargain, and be at it for minutes.
    "enable_nestloop = off",
    "work_mem = '64MB'",
    "jit = off",
)
# What the operator did belongs to no app; the audit log keeps it under this number.
OPERATOR = 0

CHECKS: tuple[tuple[str, str, Callable[[Books, Check], None]], ...] = (
    ("I1", "The books balance: transactions, balances, lots, and what rewards say of them", check_balance),
    ("I2", "Nothing is granted twice for one subject", check_grants_are_unique),
    ("I3", "Every grant stands on confirmed facts inside the window, and no grant is missing", check_grants),
    ("I4", "What is reversed follows from refunds and disputes", check_reversals),
    (
        "I5",
        "Ordinals have no gaps; caps and budgets are kept; ranks and counters are what a recount says",
        check_limits,
    ),
    ("I6", "Nobody refers himself; one accepted referrer for each referee and program", check_people),
    ("I7", "Every reference stays in its tenant", check_references),
    ("I8", "Only legal transitions; times run forwards", check_transitions),
    (
        "I9",
        "Each state change is announced once; positions have no gaps; nothing is stuck on its way",
        check_announcements,
    ),
    ("I10", "What was accepted is processed, or parked with a reason", check_inbox),
    ("I11", "The audit log's sealed chain is intact", check_audit_chain),
    ("I13", "Where an unreleased referral stands does not depend on the order of arrival", check_order),
)
CONFIGURATION = ("I15", "The configuration is safe")


def examine(
    connection: Connection | Session,
    *,
    settings: Settings | None,
    now: datetime,
    app_id: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Examine the books of one app (its short number), or of all, and change nothing.

    `connection` should be a read-only snapshot (`Database.read`): the queries belong together. `now` is real time.
    Without `settings`, master keys are not looked at, and the database is judged by `connection` itself. `progress` is
    told an invariant and how many rows it has looked at so far, each time a check is done with an app.
    """
    if isinstance(connection, Session):
        connection = connection.connection()
    if connection.dialect.name == "postgresql":
        for setting in POSTGRESQL_SETTINGS:
            connection.execute(text(f"SET LOCAL {setting}"))
    checks = {invariant: Check(invariant, title) for invariant, title, _ in CHECKS}
    for books in _apps(connection, now=now, app_id=app_id):
        for invariant, _, look in CHECKS:
            look(books, checks[invariant])
            if progress:
                progress(invariant, checks[invariant].checked)
    if app_id is None:
        operator = Books(connection, OPERATOR, now, now)
        check_audit_chain(operator, checks["I11"])
        check_every_row_has_an_app(operator, checks["I7"])
    configuration = Check(*CONFIGURATION)
    check_configuration(connection, settings, configuration)
    if progress:
        progress(configuration.invariant, configuration.checked)
    return Report([*checks.values(), configuration])


def _apps(connection: Connection, *, now: datetime, app_id: int | None) -> list[Books]:
    sql = "SELECT id, clock_offset_us FROM apps" + ("" if app_id is None else " WHERE id = :app_id") + " ORDER BY id"
    found = connection.execute(text(sql), {} if app_id is None else {"app_id": app_id})
    return [Books(connection, row.id, now, now + timedelta(microseconds=row.clock_offset_us)) for row in found.all()]

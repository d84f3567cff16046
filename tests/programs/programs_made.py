"""Programs for the tests of this folder, made through the verbs."""

from __future__ import annotations

from typing import Any

import terms_documents as documents

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.programs.create_program import create_program

ACTOR = "key_of_the_tests"


def make(database: Database, app_id: int, **said: Any) -> dict[str, Any]:
    """Create a program in a transaction of its own; what is not said is plain."""
    call: dict[str, Any] = {
        "name": "Ride credit",
        "landing_url": "https://app.example/welcome",
        "terms": documents.document(),
        "actor": ACTOR,
        "now": NOON,
    }
    return database.transact(lambda session: create_program(session, app_id=app_id, **call | said))

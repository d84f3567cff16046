"""Reports may be read from a replica; whatever must show what was just written may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from builders import Api, a_code, a_customer, a_program, expect
from cast import ALICE
from referral_service.kit.db.engines import Database


def test_reports_alone_are_read_late(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_program(api)
    a_customer(api, ALICE)
    a_code(api, program)
    late: list[object] = []
    read_late = database.read_late

    def noted(work: Callable[[Session], Any]) -> Any:
        late.append(work)
        return read_late(work)

    monkeypatch.setattr(database, "read_late", noted)
    path = f"/v1/programs/{program['id']}"
    for n, report in enumerate(("stats", "leaderboard", "liability"), start=1):
        expect(api.get(f"{path}/{report}"), 200)
        assert len(late) == n
    for other in (path, "/v1/referrals", f"/v1/customers/{ALICE.customer_id}/balances"):
        expect(api.get(other), 200)
    assert len(late) == 3

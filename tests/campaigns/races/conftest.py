from __future__ import annotations

import pytest

from referral_service.kit.concurrency.gather import Gathering


@pytest.fixture(autouse=True)
def each_request_by_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process puts events that come together into one transaction, where nothing races; these stand for several."""
    monkeypatch.setattr(Gathering, "do", lambda gathering, item: gathering._alone(item))

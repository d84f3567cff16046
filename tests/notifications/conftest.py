"""What the tests of this room share."""

from __future__ import annotations

import pytest


@pytest.fixture
def app_id() -> int:
    """The number of an app that nothing else is known of: these tables do not ask."""
    return 7

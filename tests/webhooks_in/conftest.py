"""What tests of this room ask for beside."""

from __future__ import annotations

import pytest
from flask import Flask
from webhooks_in.reading_in import Reading

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database


@pytest.fixture
def reading(app: Flask, database: Database, clock: FixedClock) -> Reading:  # noqa: ARG001 -- it makes the keys
    """Reads files into sources."""
    return Reading(database, clock)

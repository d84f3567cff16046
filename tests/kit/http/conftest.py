"""The application with probing views beside its own."""

from __future__ import annotations

import pytest
from flask import Flask
from kit.http.probe import Switches, install_probe


@pytest.fixture
def switches(app: Flask) -> Switches:
    """The probe, with its views open: nothing waits unless the test closes `go_on`."""
    made = install_probe(app)
    made.go_on.set()
    return made


@pytest.fixture(autouse=True)
def _probe(switches: Switches) -> None:
    """Every test here has the probe."""

"""Threads of a test, and patience with them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

PATIENCE_SECONDS = 30


def in_thread(work: Callable[[], Any]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread

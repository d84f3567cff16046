"""The command line: one file per group of commands."""

from __future__ import annotations

from referral_service.cli.root import main

__all__ = ["main"]

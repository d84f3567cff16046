"""Runs a command in this process and looks at what it printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result

from referral_service.cli import main


class Cli:
    """The command line. Standard output and standard error are kept apart."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment

    def run(self, *args: str, exits: int = 0, given: str | None = None) -> Result:
        """Run a command and insist on its exit code."""
        result = CliRunner().invoke(main, list(args), input=given, env=self._environment)
        said = f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert result.exit_code == exits, said
        return result

    def json(self, *args: str, exits: int = 0, given: str | None = None) -> Any:
        """Run a command with --json and return its document, having seen that it printed nothing else."""
        return json.loads(self.run(*args, "--json", exits=exits, given=given).stdout)

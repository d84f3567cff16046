"""A process apart from pytest, without threads, whose children may die.

`python -m campaigns.crash.workshop <url>` takes over a migrated database, reads tasks, a JSON document a line, and
answers each with one. A scenario is played in a child of its own, so that no bug that is planted there stays.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import structlog
from campaigns.crash.all_scenarios import SCENARIOS
from campaigns.crash.children import in_a_child
from campaigns.crash.copies import Copies, copies_of
from campaigns.crash.plants import PLANTS
from campaigns.crash.points import Plan, run_points
from campaigns.crash.stage import Stage


def main() -> None:
    """Serve until standard input ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    copies = copies_of(sys.argv[1])
    _warm_up(copies)
    for line in sys.stdin:
        task = json.loads(line)
        ended = in_a_child(lambda task=task: _do(task, copies))  # type: ignore[misc]
        answer = ended.said if ended.status == 0 else {"error": ended.last_words or f"status {ended.status}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _warm_up(copies: Copies) -> None:
    """Do once what every child will do, so that each inherits the compiled statements."""
    copies.empty()
    stage = Stage(copies.database)
    SCENARIOS["a_refund_after_the_release"].scene(stage)()
    stage.work()
    stage.violations()
    stage.picture()
    stage.announced()
    copies.database.dispose()


def _do(task: dict[str, Any], copies: Copies) -> dict[str, Any]:
    return run_points(
        SCENARIOS[task["scenario"]],
        copies,
        Plan(**task["plan"]),
        plant=PLANTS[task["plant"]] if task["plant"] else None,
    )


if __name__ == "__main__":
    main()

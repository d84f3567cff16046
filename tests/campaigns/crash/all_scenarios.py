"""Every scene that a process dies in."""

from __future__ import annotations

from campaigns.crash.delivery_scenarios import DELIVERY_SCENARIOS
from campaigns.crash.limit_scenarios import LIMIT_SCENARIOS
from campaigns.crash.scenarios import SCENARIOS as FIRST_SCENARIOS

SCENARIOS = FIRST_SCENARIOS | LIMIT_SCENARIOS | DELIVERY_SCENARIOS

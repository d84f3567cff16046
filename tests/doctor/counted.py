"""What the worker has counted of an app's rows: all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]


def counted(rows: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Return the counters by table, and note in conversions and ranks that they are counted as they stand."""
    programs = {row["id"]: row["program_id"] for row in rows.get("referrals", ())}
    days: Counter[tuple[Any, ...]] = Counter()
    for row in rows.get("referrals", ()):
        days[row["program_id"], "claims", row["claimed_at"].date(), ""] += not row["is_refused_claim"]
    for row in rows.get("rewards", ()):
        days[row["program_id"], "rewards", row["created_at"].date(), row["state"]] += 1
    for row in rows.get("conversions", ()):
        day = row["occurred_at"].date()
        row |= {"is_tallied": True, "tallied_on": day, "tallied_state": row["state"]}
        days[programs[row["referral_id"]], "conversions", day, row["state"]] += 1
    ranks: Counter[tuple[str, int]] = Counter()
    for row in rows.get("ranks", ()):
        row |= {"is_tallied": True, "tallied": row["conversions"]}
        ranks[row["program_id"], row["conversions"]] += 1
    return {
        "counters": [
            {"program_id": program, "name": name, "day": day, "key": key, "value": value}
            for (program, name, day, key), value in days.items()
            if value
        ],
        "rank_counts": [
            {"program_id": program, "conversions": conversions, "referrers": referrers}
            for (program, conversions), referrers in ranks.items()
        ],
        "change_tallies": [{"last_position": len(rows.get("notifications", ()))}],
    }

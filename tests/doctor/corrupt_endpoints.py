"""Corruptions of endpoints, and of what is on its way to them."""

from __future__ import annotations

from doctor.corruptions import LONG_AGO, OF, planted

ENDPOINTS = (
    planted(
        "an endpoint was switched off without a reason",
        "I9",
        f"UPDATE webhook_endpoints SET reason = NULL WHERE {OF.format('id', 'off')}",
        "off",
    ),
    planted(
        "an endpoint is off for a reason that there is not",
        "I9",
        f"UPDATE webhook_endpoints SET reason = 'tired' WHERE {OF.format('id', 'off')}",
        "for the reason tired",
    ),
    planted(
        "an endpoint that works has a reason not to",
        "I9",
        f"UPDATE webhook_endpoints SET reason = 'failing' WHERE {OF.format('id', 'works')}",
        "works",
    ),
    planted(
        "an endpoint was switched off silently",
        "I9",
        "UPDATE webhook_endpoints SET state = 'disabled', reason = 'gone', sequence = 1 "
        f"WHERE {OF.format('id', 'fails')}",
        "fails",
    ),
    planted(
        "a deleted endpoint is on",
        "I9",
        f"UPDATE webhook_endpoints SET state = 'enabled', reason = NULL WHERE {OF.format('id', 'gone')}",
        "gone",
    ),
    planted(
        "an endpoint is off because it was deleted, and it was not",
        "I9",
        f"UPDATE webhook_endpoints SET reason = 'deleted' WHERE {OF.format('id', 'off')}",
        "off",
    ),
    planted(
        "an endpoint forgot since when it fails",
        "I9",
        f"UPDATE webhook_endpoints SET failing_since = NULL WHERE {OF.format('id', 'fails')}",
        "fails",
    ),
    planted(
        "an endpoint lost the secret that was to stay",
        "I9",
        f"DELETE FROM endpoint_secrets WHERE {OF.format('endpoint_id', 'works')} AND retires_at IS NULL",
        "It has 0 secrets",
    ),
    planted(
        "an endpoint's old secret never ends",
        "I9",
        f"UPDATE endpoint_secrets SET retires_at = NULL WHERE {OF.format('endpoint_id', 'works')}",
        "It has 2 secrets",
    ),
    planted(
        "an endpoint has three secrets",
        "I9",
        "INSERT INTO endpoint_secrets SELECT app_id, 'sec_1_third', endpoint_id, secret_ct, created_at, retires_at "
        f"FROM endpoint_secrets WHERE {OF.format('endpoint_id', 'works')} AND retires_at IS NOT NULL",
        "It has 3 secrets",
    ),
    planted(
        "a secret outlived its endpoint",
        "I9",
        f"UPDATE endpoint_secrets SET endpoint_id = :gone WHERE {OF.format('endpoint_id', 'works')}",
        "gone",
    ),
    planted(
        "a secret belongs to no endpoint",
        "I7",
        "INSERT INTO endpoint_secrets SELECT app_id, 'sec_1_stray', 'whe_2_00000001', secret_ct, created_at, NULL "
        f"FROM endpoint_secrets WHERE {OF.format('endpoint_id', 'works')} AND retires_at IS NULL",
        "sec_1_stray",
    ),
    planted(
        "a delivery waits for an endpoint that is off",
        "I9",
        f"UPDATE deliveries SET state = 'scheduled' WHERE {OF.format('endpoint_id', 'off')} AND state = 'disabled'",
        "nothing is sent to",
    ),
    planted(
        "a delivery has come to a state that there is not",
        "I9",
        f"UPDATE deliveries SET state = 'lost' WHERE {OF.format('endpoint_id', 'off')} AND state = 'dead'",
        "It is lost",
    ),
    planted(
        "a delivery was done and waits again",
        "I9",
        f"UPDATE deliveries SET done_at = {LONG_AGO} WHERE {OF.format('endpoint_id', 'works')}",
        "It is scheduled, without",
    ),
    planted(
        "a delivery went out before its notification had a position",
        "I9",
        "UPDATE notifications SET position = NULL WHERE app_id = 1 AND id IN (SELECT notification_id FROM deliveries "
        f"WHERE {OF.format('endpoint_id', 'works')})",
        "has no position",
    ),
)

"""What I9 asks of endpoints: whether each can be sent to, or says why it is not."""

from __future__ import annotations

from referral_service.doctor.books import Question

ENDPOINTS = (
    Question(
        "webhook_endpoints",
        "SELECT id AS object_id, state, COALESCE(reason, 'none') AS given FROM webhook_endpoints "
        "WHERE app_id = :app_id AND NOT ((state = 'enabled' AND reason IS NULL AND deleted_at IS NULL) "
        "OR (state = 'disabled' AND COALESCE(reason, '') IN ('gone', 'failing', 'by_app', 'deleted')))",
        "It is {state} for the reason {given}.",
    ),
    Question(
        "webhook_endpoints",
        "SELECT id AS object_id FROM webhook_endpoints WHERE app_id = :app_id AND reason = 'deleted' "
        "AND deleted_at IS NULL",
        "It is disabled because it was deleted, and it was not.",
    ),
    Question(
        "webhook_endpoints",
        "SELECT id AS object_id, failures FROM webhook_endpoints WHERE app_id = :app_id AND (failures < 0 "
        "OR (failures = 0) <> (failing_since IS NULL) OR (paused_until IS NOT NULL AND failures = 0))",
        "Its {failures} failures do not fit since when it fails, or its pause.",
    ),
    Question(
        "webhook_endpoints",
        "SELECT e.id AS object_id, count(s.id) AS secrets FROM webhook_endpoints e LEFT JOIN endpoint_secrets s "
        "ON s.app_id = e.app_id AND s.endpoint_id = e.id AND s.retires_at IS NULL "
        "WHERE e.app_id = :app_id AND e.deleted_at IS NULL GROUP BY e.id HAVING count(s.id) <> 1",
        "It has {secrets} secrets that are to stay, where there is always one.",
    ),
    Question(
        "endpoint_secrets",
        "SELECT endpoint_id AS object_id, count(*) AS secrets FROM endpoint_secrets WHERE app_id = :app_id "
        "GROUP BY endpoint_id HAVING count(*) > 2",
        "It has {secrets} secrets, where there are two at most while one is replaced.",
    ),
    Question(
        "endpoint_secrets",
        "SELECT s.endpoint_id AS object_id, s.id AS secret FROM endpoint_secrets s JOIN webhook_endpoints e "
        "ON e.app_id = s.app_id AND e.id = s.endpoint_id WHERE s.app_id = :app_id AND e.deleted_at IS NOT NULL",
        "It is deleted, and its secret {secret} is not.",
    ),
)

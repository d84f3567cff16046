"""What can go wrong with apps and their keys."""

from __future__ import annotations

from referral_service.kit.errors import NotFound, Problem


class SlugTaken(Problem):
    code, status = "slug_taken", 409
    title = "Another app already has this slug."
    remedy = "Choose another slug, or leave it out and get one made from the name."


class NotATestApp(Problem):
    code, status = "not_a_test_app", 409
    title = "Only a test app has a clock that can be moved."
    remedy = "Create a test app and use its key; a live app lives in real time."


class ClockOutOfRange(Problem):
    code, status = "clock_out_of_range", 422
    title = "The clock cannot be moved there."
    remedy = "A test app's clock only moves forward, and at most ten years ahead of real time."


class KeyInactive(Problem):
    code, status = "key_inactive", 409
    title = "This key is revoked or has expired, so it cannot be rotated."
    remedy = "Create a new key instead."


class SourceNotFound(NotFound):
    code, status = "source_not_found", 404
    title = "There is no such source."
    remedy = "Check the id, and that the key belongs to the app the source was added to."

"""What can be wrong with a code."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, InvalidRequest, NotFound, Problem


class CodeNotFound(NotFound):
    code, status = "code_not_found", 404
    title = "There is no such referral code."
    remedy = "Check the code for typing mistakes, and that it belongs to this app."


class CodeRevoked(Problem):
    code, status = "code_revoked", 410
    title = "This referral code has been revoked."
    remedy = "Ask whoever shared it for a new one; issuing a code for that customer again makes it."


class CodeTaken(Conflict):
    code, status = "code_taken", 409
    title = "This code, or one that looks like it, is taken."
    remedy = "Choose another text; case, hyphens and look-alike letters (O and 0; I, L and 1) make no difference."


class CodeNotAllowed(InvalidRequest):
    code, status = "code_not_allowed", 422
    title = "This text cannot be used as a code."
    remedy = "Choose another text: people would read an offensive word in this one."


class InvalidVanityText(InvalidRequest):
    code, status = "invalid_vanity", 422
    title = "This text cannot be written as a code."
    remedy = "Use 3 to 20 letters A to Z and digits; single hyphens may stand between them."


class ProgramNotStarted(Conflict):
    """`starts_at` says when it does."""

    code, status = "program_not_started", 409
    title = "The program has not started yet."
    remedy = "Send it again once the program has started: schedule.starts_at in its terms says when."


class ProgramNotActive(Conflict):
    code, status = "program_not_active", 409
    title = "The program is not active."
    remedy = "Activate the program first; a paused or ended one takes no new codes and claims."

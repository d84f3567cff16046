"""What can go wrong with programs."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, InvalidRequest, NotFound


class TermsNotCarriedOut(Conflict):
    """`errors` names every part of the terms, by its dotted path."""

    code, status = "terms_not_carried_out", 409
    title = "The program's terms use parts that this version of the service does not carry out."
    remedy = "Change the parts named under errors, or leave them out; nothing is ever passed over in silence."


class ProgramStatusConflict(Conflict):
    """`program_status` is where the program stands."""

    code, status = "program_status_conflict", 409
    title = "The program's status does not allow this."
    remedy = (
        "Read the program's status: drafts can be activated, active ones paused, and nothing leads back from an end."
    )


class UnknownRecipe(NotFound):
    """`recipes` lists those that exist."""

    code, status = "recipe_not_found", 404
    title = "There is no recipe by that name."
    remedy = "Choose one of those listed under recipes."


class RecipeNotSettable(InvalidRequest):
    code, status = "recipe_not_settable", 422
    title = "The recipe has no such setting."
    remedy = "Name a field by its dotted path, such as currency=EUR or terms.rewards.0.hold_days=14."

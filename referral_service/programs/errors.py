"""What can go wrong with programs."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, InvalidRequest, NotFound


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

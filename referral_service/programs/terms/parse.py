"""The way in: an unknown document becomes the complete one that is stored, and the terms that rules read."""

from __future__ import annotations

from typing import Any

from referral_service.kit.errors import Problem
from referral_service.programs.terms.contradictions import contradictions
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms.schemas.sections import DocumentErrors, load_document


class InvalidTerms(Problem):
    code, status = "invalid_terms", 422
    title = "The program's terms are not valid."
    remedy = "Correct the fields named under errors; everything but currency and rewards may be left out."


def parse_terms(doc: object, *, at: str = "") -> tuple[dict[str, Any], Terms]:
    """Return the canonical document (every default filled in; parsing it again changes nothing) and its terms.

    `doc` is what JSON gave. Raises InvalidTerms, whose `errors` map each dotted path to its sentences: first
    what is malformed; what contradicts itself only once the form is right. `at` is where the document stands in
    a larger body, such as "terms", and goes before each path.
    """
    try:
        document = load_document(doc)
    except DocumentErrors as malformed:
        raise InvalidTerms(errors=_placed(malformed.by_path, at)) from None
    terms = Terms.from_document(document)
    by_path: dict[str, list[str]] = {}
    for path, sentence in contradictions(terms):
        by_path.setdefault(path, []).append(sentence)
    if by_path:
        raise InvalidTerms(errors=_placed(by_path, at))
    return document, terms


def _placed(by_path: dict[str, list[str]], at: str) -> dict[str, list[str]]:
    """The document as a whole goes by the name of its place."""
    return {".".join(part for part in (at, path) if part) or "terms": why for path, why in by_path.items()}

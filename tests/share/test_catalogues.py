"""Every language says everything: no text is missing, guessed, out of date, or lacks a form."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.plural import PluralRule
from house.source_tree import PACKAGE, ROOT, parsed, python_files, shown

from referral_service.share.languages import DEFAULT, LOCALES, TRANSLATIONS
from referral_service.share.voice import Voice, voice_of

TRANSLATED = [locale for locale in LOCALES if locale != DEFAULT]
MARKS = {"phrase": None, "plural": (1, 2)}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# A text of a page is read in one breath, in whatever language.
CHARS_MAX = 160
LONGER_AT_MOST = 2.2


def catalogue(locale: str) -> Catalog:
    with (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def template() -> Catalog:
    with (TRANSLATIONS / "messages.pot").open("rb") as file:
        return read_po(file)


def messages(of: Catalog) -> list[Message]:
    return [message for message in of if message.id]


def texts(value: Any) -> tuple[str, ...]:
    """A message's id or translation: one text, or the plural's forms."""
    return (value,) if isinstance(value, str) else tuple(value)


def named(message: Message) -> tuple[str | None, tuple[str, ...]]:
    return message.context, texts(message.id)


def extracted() -> set[tuple[str, ...]]:
    """What the code and the templates say, found as `make translations` finds it."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    found = extract_from_dir(str(ROOT), method_map=methods, keywords=DEFAULT_KEYWORDS | MARKS)
    return {texts(message) for _, _, message, _, _ in found}


def said_in(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """The literal texts of every call that says or marks something, wherever it stands, inside an f-string too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            count = {"gettext": 1, "phrase": 1, "ngettext": 2, "plural": 2}.get(name, 0)
            literal = [arg.value for arg in node.args[:count] if isinstance(arg, ast.Constant)]
            if count and len(literal) == count:
                yield tuple(map(str, literal))


def test_four_languages_and_more_to_come() -> None:
    assert {"en", "ru", "uk", "bg"} <= set(LOCALES)


def test_the_template_holds_what_is_said_and_nothing_else() -> None:
    """`make translations` brings it up to date."""
    kept = {texts(message.id) for message in messages(template())}
    assert len(kept) > 200
    assert kept == extracted()


def test_every_text_that_the_code_says_is_in_the_template() -> None:
    kept = {texts(message.id) for message in messages(template())}
    unknown = [
        (shown(path), text)
        for path in python_files("referral_service/share")
        for text in said_in(parsed(path))
        if text not in kept
    ]
    assert unknown == []


def test_a_text_inside_an_f_string_is_seen() -> None:
    assert list(said_in(ast.parse("f\"{voice.gettext('Hidden')}\""))) == [("Hidden",)]


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_text_is_missing_guessed_or_left_over(locale: str) -> None:
    of = catalogue(locale)
    assert [message.id for message in messages(of) if message.fuzzy or not all(texts(message.string))] == []
    assert {named(message) for message in messages(of)} == {named(message) for message in messages(template())}
    assert list(of.obsolete) == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(locale))
    kept = (TRANSLATIONS / locale / "LC_MESSAGES" / "messages.mo").read_bytes()
    assert kept == compiled.getvalue(), "run `make translations`"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_fills_the_same_places(locale: str) -> None:
    wrong = [
        (message.id, form)
        for message in messages(catalogue(locale))
        for form in texts(message.string)
        if set(PLACEHOLDER.findall(form)) != set(PLACEHOLDER.findall(texts(message.id)[-1]))
        or "%" in PLACEHOLDER.sub("", form)
    ]
    assert wrong == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_is_no_longer_than_a_page_has_room_for(locale: str) -> None:
    long = [
        form
        for message in messages(catalogue(locale))
        for form in texts(message.string)
        if len(form) > CHARS_MAX or len(form) > 30 + LONGER_AT_MOST * len(texts(message.id)[-1])
    ]
    assert long == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_begins_and_ends_as_its_original_does(locale: str) -> None:
    """What is a sentence stays one, and what goes into a sentence does not begin with a capital letter."""
    wrong = [
        (original, form)
        for message in messages(catalogue(locale))
        for original, form in ((texts(message.id)[-1], form) for form in texts(message.string))
        if original.endswith(".") != form.endswith(".")
        or form != form.strip()
        or "!" in form
        or (original[0].isalpha() and form[0].isalpha() and original[0].islower() != form[0].islower())
    ]
    assert wrong == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_plural_has_the_forms_that_the_language_has(locale: str) -> None:
    of = catalogue(locale)
    plurals = [message for message in messages(of) if message.pluralizable]
    assert plurals
    assert [message.id for message in plurals if len(texts(message.string)) != of.num_plurals] == []
    # Every one of CLDR's categories of whole numbers has its form.
    rule: PluralRule = of.locale.plural_form if of.locale else PluralRule({})
    assert len({rule(number) for number in range(200)}) == of.num_plurals


DAYS_LEFT = {
    "en": {1: "1 day left", 2: "2 days left", 5: "5 days left", 11: "11 days left", 21: "21 days left"},
    "ru": {
        1: "остался 1 день",
        2: "осталось 2 дня",
        5: "осталось 5 дней",
        11: "осталось 11 дней",
        21: "остался 21 день",
    },
    "uk": {
        1: "залишився 1 день",
        2: "залишилося 2 дні",
        5: "залишилося 5 днів",
        11: "залишилося 11 днів",
        21: "залишився 21 день",
    },
    "bg": {1: "остава 1 ден", 2: "остават 2 дни", 5: "остават 5 дни", 11: "остават 11 дни", 21: "остават 21 дни"},
}


@pytest.mark.parametrize("locale", LOCALES)
def test_numbers_take_their_form(locale: str) -> None:
    said = {
        number: voice_of(locale).ngettext("%(number)s day left", "%(number)s days left", number)
        for number in DAYS_LEFT[locale]
    }
    assert said == DAYS_LEFT[locale]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_fraction_is_not_counted_in_a_form_that_would_be_wrong(locale: str) -> None:
    speaker: Any = voice_of(locale)
    with pytest.raises(TypeError, match="whole"):
        speaker.ngettext("%(number)s day left", "%(number)s days left", 1.5)


def test_a_language_is_there_because_its_catalogue_is(tmp_path: Path) -> None:
    from referral_service.share.languages import locales_in

    folder = tmp_path / "pl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    assert locales_in(tmp_path) == ("en",)
    (folder / "messages.mo").write_bytes(b"")
    assert locales_in(tmp_path) == ("en", "pl")


def test_the_code_has_no_percent_sign_that_filling_would_stumble_over() -> None:
    bare = [text for message in messages(template()) for text in texts(message.id) if "%" in PLACEHOLDER.sub("", text)]
    assert bare == []


def test_the_catalogues_ship_with_the_package() -> None:
    assert TRANSLATIONS.is_relative_to(PACKAGE)
    assert isinstance(voice_of("uk"), Voice)

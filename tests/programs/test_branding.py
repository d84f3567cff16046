"""How a program's pages look and what they say: set, replaced whole, shown in full, and checked before it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from programs.hostile_texts import XSS
from programs.pictures import animation, data_url, noise, picture, png_of
from programs.programs_made import ACTOR, make
from sqlalchemy import text

from builders import Api, a_program, both_sides, expect, items
from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import InvalidRequest
from referral_service.programs.branding import COLOUR, Branding, Texts
from referral_service.programs.change_program import change_program
from referral_service.programs.logo import read_logo
from referral_service.programs.store_logo import find_logo
from referral_service.tenants.open_app import OpenedApp

BODY: dict[str, Any] = {
    "name": "Ride credit",
    "landing_url": "https://app.example/welcome",
    "terms": {"currency": "USD", "rewards": both_sides()},
}
DEFAULT: dict[str, Any] = {
    "display_name": None,
    "colour": COLOUR,
    "logo_url": None,
    "terms_url": None,
    "privacy_url": None,
    "embed_origins": [],
    "attribution_consent": False,
    "links_lead_to": "invite_page",
    "texts": {},
}
WHOLE: dict[str, Any] = {
    "display_name": "Поїздка 🚕",
    "colour": "#FFD500",
    "terms_url": "https://app.example/terms?lang=uk#top",
    "privacy_url": "https://app.example/privacy",
    "embed_origins": ["https://shop.example", "https://m.shop.example:8443"],
    "attribution_consent": True,
    "links_lead_to": "landing_page",
    "texts": {
        "en": {"headline": "{referrer} gives you {offer}", "share_message": "{program}: {link}"},
        "uk": {"lead": "Подорожуй дешевше", "button": "Поїхали"},
    },
}
NO_TEXTS = {"headline": None, "lead": None, "button": None, "share_message": None}
SHOWN = WHOLE | {
    "colour": "#ffd500",
    "logo_url": None,
    "texts": {language: NO_TEXTS | texts for language, texts in WHOLE["texts"].items()},
}


def created(api: Api, **branding: Any) -> Any:
    return expect(api.post("/v1/programs", BODY | {"branding": branding}), 201)


def rebranded(api: Api, program: Any, **branding: Any) -> Any:
    return expect(api.patch(f"/v1/programs/{program['id']}", {"branding": branding}), 200)["branding"]


def faults(api: Api, branding: Any) -> dict[str, Any]:
    problem = expect(api.post("/v1/programs", BODY | {"branding": branding}), 422)
    assert items(api, "/v1/programs") == []
    errors: dict[str, Any] = problem["errors"]
    return errors


def rows(database: Database, query: str) -> list[Any]:
    with database.read_engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_a_program_without_branding_shows_every_default(api: Api) -> None:
    program = expect(api.post("/v1/programs", BODY), 201)
    assert program["branding"] == DEFAULT
    assert created(api)["branding"] == DEFAULT
    assert expect(api.get(f"/v1/programs/{program['id']}"), 200)["branding"] == DEFAULT


def test_a_program_of_before_there_was_branding_shows_the_defaults(api: Api, database: Database) -> None:
    program = a_program(api)
    with database.write_engine.begin() as connection:
        connection.execute(text("UPDATE programs SET branding = '{}'"))
    assert expect(api.get(f"/v1/programs/{program['id']}"), 200)["branding"] == DEFAULT
    assert rebranded(api, program, colour="#123456") == DEFAULT | {"colour": "#123456"}


def test_a_whole_branding_is_shown_in_full_wherever_the_program_is(api: Api) -> None:
    program = created(api, **WHOLE)
    assert program["branding"] == SHOWN
    assert items(api, "/v1/programs")[0]["branding"] == SHOWN
    for act in ("activate", "pause", "archive"):
        assert expect(api.post(f"/v1/programs/{program['id']}/{act}"), 200)["branding"] == SHOWN


def test_a_branding_is_replaced_whole_and_everything_else_stays(api: Api) -> None:
    program = created(api, **WHOLE)
    path = f"/v1/programs/{program['id']}"
    assert expect(api.patch(path, {"name": "Autumn"}), 200)["branding"] == SHOWN
    changed = expect(api.patch(path, {"branding": {"display_name": "Ride"}}), 200)
    assert changed == program | {"name": "Autumn", "branding": DEFAULT | {"display_name": "Ride"}}
    assert changed["version"] == 1


def test_what_is_answered_can_be_sent_back_and_changes_nothing(api: Api, database: Database) -> None:
    program = created(api, **WHOLE, logo=data_url(picture()))
    assert program["branding"]["logo_url"] is not None
    assert rebranded(api, program, **program["branding"]) == program["branding"]
    assert rows(database, "SELECT 1 FROM audit_log WHERE action = 'program.changed'") == []
    assert len(rows(database, "SELECT 1 FROM program_logos")) == 1


def test_a_change_of_the_branding_is_written_down(api: Api, database: Database) -> None:
    program = created(api)
    rebranded(api, program, display_name="Ride")
    rebranded(api, program, display_name="Ride")
    (row,) = rows(database, "SELECT details FROM audit_log WHERE action = 'program.changed'")
    assert "branding" in str(row.details)
    assert "Ride" not in str(row.details)


def test_texts_and_origins_have_one_form(api: Api) -> None:
    shown = created(
        api,
        colour="#ABCDEF",
        embed_origins=["https://shop.example", "https://shop.example"],
        texts={"uk": {}, "en": {}},
    )["branding"]
    assert shown["colour"] == "#abcdef"
    assert shown["embed_origins"] == ["https://shop.example"]
    assert shown["texts"] == {"en": NO_TEXTS, "uk": NO_TEXTS}


# --- the logo --------------------------------------------------------------------------------------------------


def test_a_logo_is_shown_by_an_address_that_changes_with_it(api: Api) -> None:
    program = created(api, logo=data_url(picture()))
    first = program["branding"]["logo_url"]
    assert first.startswith(f"https://refer.test/brand/{program['id']}/logo.png?v=")
    assert "logo" not in program["branding"]
    assert rebranded(api, program, logo=data_url(picture()))["logo_url"] == first
    second = rebranded(api, program, logo=data_url(picture(size=(32, 32))))["logo_url"]
    assert second not in (None, first)


def test_a_logo_is_kept_by_its_address_replaced_and_taken_away(api: Api, database: Database) -> None:
    program = created(api, logo=data_url(picture()))
    logo_url = program["branding"]["logo_url"]
    assert rebranded(api, program, display_name="Ride", logo_url=logo_url)["logo_url"] == logo_url
    other = data_url(picture(size=(32, 32)))
    replaced = rebranded(api, program, logo=other, logo_url=logo_url)["logo_url"]
    assert replaced != logo_url
    (row,) = rows(database, "SELECT sha256, png FROM program_logos")
    assert (row.sha256, bytes(row.png)) == (read_logo(other).sha256, read_logo(other).png)
    assert rebranded(api, program, display_name="Ride")["logo_url"] is None
    assert rows(database, "SELECT 1 FROM program_logos") == []


def test_no_other_address_is_taken_for_the_logo(api: Api) -> None:
    program, other = created(api, logo=data_url(picture())), created(api, logo=data_url(picture()))
    bare = created(api)
    gone = program["branding"]["logo_url"]
    rebranded(api, program, logo=data_url(picture(size=(32, 32))))
    wrong = [(program, gone), (program, other["branding"]["logo_url"]), (program, "https://evil.example/logo.png")]
    for which, url in [*wrong, (bare, other["branding"]["logo_url"])]:
        answer = api.patch(f"/v1/programs/{which['id']}", {"branding": {"logo_url": url}})
        assert list(expect(answer, 422)["errors"]) == ["branding.logo_url"]
    answer = api.post("/v1/programs", BODY | {"branding": {"logo_url": gone}})
    assert list(expect(answer, 422)["errors"]) == ["branding.logo_url"]


@pytest.mark.parametrize(
    "logo",
    [
        "https://shop.example/logo.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        data_url(animation("WEBP"), "image/webp"),
        data_url(picture("JPEG"), "image/png"),
        data_url(png_of(60_000, 60_000)),
        data_url(noise((150, 100), "PNG")),
        "data:image/png;base64,AA-_",
        "",
        5,
        ["data:image/png;base64,AAAA"],
    ],
    ids=lambda logo: str(logo)[:30],
)
def test_a_logo_that_cannot_be_used_is_refused_with_a_sentence(api: Api, logo: object) -> None:
    errors = faults(api, {"logo": logo})
    assert list(errors) == ["branding.logo"]
    assert errors["branding.logo"][0].endswith(".")


def test_a_logo_may_be_long_and_no_other_text_may(api: Api) -> None:
    assert len(data_url(noise((100, 90), "PNG"))) > 30_000
    created(api, logo=data_url(noise((100, 90), "PNG")))
    long = {"branding": {"display_name": "x" * 1025}}
    assert expect(api.post("/v1/programs", BODY | long), 400)["code"] == "malformed_body"
    assert expect(api.post("/v1/programs", BODY | {"logo": "x" * 1025}), 400)["code"] == "malformed_body"
    huge = {"branding": {"logo": "data:image/png;base64," + 64 * 1024 * "A"}}
    assert expect(api.post("/v1/programs", BODY | huge), 413)["code"] == "body_too_large"


def test_another_apps_logo_stays_when_ours_changes(database: Database, tenant: OpenedApp) -> None:
    logo, other = read_logo(data_url(picture())), read_logo(data_url(picture(size=(9, 9))))
    app_id = tenant.tenant.app_id
    first = make(database, app_id, branding={"logo": logo})["id"]
    second = make(database, app_id, branding={"logo": other})["id"]
    database.transact(
        lambda session: change_program(
            session, app_id=app_id, program_id=first, changes={"branding": {}}, actor=ACTOR, now=NOON
        )
    )
    assert database.read(lambda session: find_logo(session, program_id=first)) is None
    assert database.read(lambda session: find_logo(session, program_id=second)) == other
    assert database.read(lambda session: find_logo(session, program_id="prg_no-such")) is None


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("branding", "path"),
    [
        ({"display_name": ""}, "display_name"),
        ({"display_name": " \u00a0"}, "display_name"),
        ({"display_name": "\u200b"}, "display_name"),
        ({"display_name": "x" * 81}, "display_name"),
        ({"display_name": "Ri\u0007de"}, "display_name"),
        ({"display_name": "Ri\nde"}, "display_name"),
        ({"display_name": "Ri\u0085de"}, "display_name"),
        ({"display_name": "Ri\u2028de"}, "display_name"),
        ({"display_name": "moc.elpmaxe\u202e"}, "display_name"),
        ({"display_name": "\u2066Ride"}, "display_name"),
        ({"display_name": 5}, "display_name"),
        ({"colour": "violet"}, "colour"),
        ({"colour": "#fff"}, "colour"),
        ({"colour": "#5b21b6;}body{display:none"}, "colour"),
        ({"colour": "#5b21b6\n"}, "colour"),
        ({"colour": None}, "colour"),
        ({"terms_url": "http://app.example/terms"}, "terms_url"),
        ({"terms_url": "http://localhost/terms"}, "terms_url"),
        ({"terms_url": "javascript:alert(1)"}, "terms_url"),
        ({"terms_url": "https://user:pass@app.example/"}, "terms_url"),
        ({"terms_url": "//app.example/terms"}, "terms_url"),
        ({"privacy_url": "https://app.example/a b"}, "privacy_url"),
        ({"privacy_url": 'https://app.example/"onload='}, "privacy_url"),
        ({"privacy_url": "https://[::1"}, "privacy_url"),
        ({"embed_origins": "https://shop.example"}, "embed_origins"),
        ({"embed_origins": ["*"]}, "embed_origins.0"),
        ({"embed_origins": [f"https://s{n}.example" for n in range(21)]}, "embed_origins"),
        ({"attribution_consent": "yes"}, "attribution_consent"),
        ({"attribution_consent": None}, "attribution_consent"),
        ({"links_lead_to": "elsewhere"}, "links_lead_to"),
        ({"links_lead_to": None}, "links_lead_to"),
        ({"texts": []}, "texts"),
        ({"texts": {"english": {}}}, "texts.english"),
        ({"texts": {"EN": {}}}, "texts.EN"),
        ({"texts": {"": {}}}, "texts."),
        ({"texts": {"en": None}}, "texts.en"),
        ({"texts": {"en": {"headline": ""}}}, "texts.en.headline"),
        ({"texts": {"en": {"headline": "x" * 141}}}, "texts.en.headline"),
        ({"texts": {"en": {"lead": "x" * 301}}}, "texts.en.lead"),
        ({"texts": {"en": {"button": "x" * 41}}}, "texts.en.button"),
        ({"texts": {"en": {"share_message": "x" * 301}}}, "texts.en.share_message"),
        ({"texts": {"en": {"title": "Hi"}}}, "texts.en.title"),
        ({"texts": {"uk": {"lead": "{name}"}}}, "texts.uk.lead"),
        ({"texts": {"uk": {"lead": "\u202eabc"}}}, "texts.uk.lead"),
        ({"texts": {f"{a}{b}": {} for a in "abcde" for b in "abcde"}}, "texts"),
        ({"slogan": "Hi"}, "slogan"),
        ({"id": 1}, "id"),
    ],
)
def test_a_wrong_field_is_named_by_its_path_and_nothing_is_made(api: Api, branding: dict[str, Any], path: str) -> None:
    errors = faults(api, branding)
    assert list(errors) == [f"branding.{path}"]
    assert all(sentence.endswith(".") for sentence in errors[f"branding.{path}"])


@pytest.mark.parametrize("branding", [None, [], "violet", 5])
def test_a_branding_is_an_object(api: Api, branding: object) -> None:
    assert {path.split(".")[0] for path in faults(api, branding)} == {"branding"}


def test_every_fault_is_named_at_once(api: Api) -> None:
    wrong = {"terms_url": "http://a.example", "embed_origins": ["*", "https://ok.example", "x"], "texts": {"x1": {}}}
    problem = expect(api.post("/v1/programs", BODY | {"landing_url": "ftp://x", "branding": wrong}), 422)
    assert set(problem["errors"]) == {
        "landing_url",
        "branding.terms_url",
        "branding.embed_origins.0",
        "branding.embed_origins.2",
        "branding.texts.x1",
    }


def test_a_wrong_change_changes_nothing(api: Api) -> None:
    program = created(api, **WHOLE, logo=data_url(picture()))
    path = f"/v1/programs/{program['id']}"
    wrong = {"logo": data_url(picture(size=(9, 9))), "terms_url": "http://a.example"}
    expect(api.patch(path, {"name": "Autumn", "branding": wrong}), 422)
    assert expect(api.get(path), 200) == program


# --- texts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", XSS)
def test_hostile_texts_are_kept_as_they_are_and_given_back_as_json(api: Api, hostile: str) -> None:
    texts = {"en": {"headline": hostile, "lead": hostile, "button": hostile[:40], "share_message": hostile}}
    answer = api.post("/v1/programs", BODY | {"branding": {"display_name": hostile[:80], "texts": texts}})
    shown = expect(answer, 201)["branding"]
    assert (shown["display_name"], shown["texts"]) == (hostile[:80], texts)
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = api.get(f"/v1/programs/{answer.json['id']}")
    assert (again.json["branding"], again.content_type) == (shown, "application/json")


def test_there_are_forty_hostile_texts() -> None:
    assert len(set(XSS)) >= 40


# --- as pages read it ------------------------------------------------------------------------------------------


def test_pages_read_a_stored_branding_as_values(database: Database, tenant: OpenedApp) -> None:
    logo = read_logo(data_url(picture()))
    said = WHOLE | {"logo": logo}
    program_id = make(database, tenant.tenant.app_id, branding=said)["id"]
    (row,) = rows(database, "SELECT branding FROM programs")
    stored = row.branding if isinstance(row.branding, dict) else json.loads(row.branding)
    branding = Branding.from_stored(stored, program_id=program_id)
    assert branding.logo is not None
    assert (branding.logo.program_id, branding.logo.sha256) == (program_id, logo.sha256)
    assert branding.texts["uk"] == Texts(lead="Подорожуй дешевше", button="Поїхали")
    assert branding.embed_origins == ("https://shop.example", "https://m.shop.example:8443")
    assert branding.palette.brand == "#ffd500"


def test_no_branding_at_all_is_one_too() -> None:
    branding = Branding.from_stored({}, program_id="prg_1")
    assert branding == Branding(None, COLOUR, None, None, None, (), False, "invite_page", {})


def test_the_verb_refuses_what_the_schema_would(database: Database, tenant: OpenedApp) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(database, tenant.tenant.app_id, branding={"colour": "violet"})
    assert list(refused.value.errors or {}) == ["branding.colour"]

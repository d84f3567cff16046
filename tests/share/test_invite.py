"""Invitations over HTTP: what they show, to whom, and what they keep to themselves."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import Any

import pytest
from asked import statements
from PIL import Image
from programs.hostile_texts import XSS

from builders import Api, a_code, a_customer, a_program, expect
from cast import ALICE
from referral_service.kit.db.engines import Database
from referral_service.share.languages import LOCALES

HTML = "text/html; charset=utf-8"


def path_of(url: str) -> str:
    return url.removeprefix("https://refer.test")


def opened(api: Api, url: str, **query: Any) -> Any:
    """The page as somebody without a key gets it."""
    return api.with_key(None).get(path_of(url), **query)


def test_the_page_says_who_invites_to_what_and_what_for(api: Api) -> None:
    a_customer(api, ALICE, invite_name_opt_in=True)
    code = a_code(api, a_program(api, name="Ride"))
    page = opened(api, code["invite_url"])
    assert (page.status_code, page.headers["Content-Type"]) == (200, HTML)
    assert "Alice invites you to Ride" in page.text
    assert "$5.00" in page.text
    assert f'href="{code["share_url"]}"' in page.text
    assert f'<meta property="og:image" content="{code["invite_url"]}/card.png?lang=en">' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.headers


def test_nobody_is_named_who_did_not_agree(api: Api) -> None:
    a_customer(api, ALICE)
    code = a_code(api, a_program(api, name="Ride"))
    page = opened(api, code["invite_url"])
    assert "A friend invites you to Ride" in page.text
    for secret in (ALICE.display_name, ALICE.email, ALICE.customer_id, "cus_"):
        assert secret not in page.text


@pytest.mark.parametrize("spoil", ["unknown", "forged", "revoked", "draft"])
def test_what_leads_nowhere_says_the_same_for_every_reason(api: Api, spoil: str) -> None:
    program = a_program(api, activate=True)
    code = a_code(api, program)
    url = code["invite_url"]
    match spoil:
        case "unknown":
            url = "https://refer.test/i/K7QM3XTS"
        case "forged":
            url = url[:-1] + ("0" if url[-1] != "0" else "1")
        case "revoked":
            expect(api.post(f"/v1/codes/{code['code']}/revoke"), 200)
        case "draft":
            url = "https://refer.test/i/shop/NEVER-MADE"
    page = opened(api, url)
    assert page.status_code == 404
    assert "We cannot find this invitation" in page.text
    assert program["name"] not in page.text


@pytest.mark.parametrize(("step", "status", "said"), [("pause", 404, "taking a break"), ("archive", 410, "is over")])
def test_a_program_that_takes_nobody_says_so(api: Api, step: str, status: int, said: str) -> None:
    program = a_program(api, name="Ride")
    code = a_code(api, program)
    expect(api.post(f"/v1/programs/{program['id']}/{step}"), 200)
    page = opened(api, code["invite_url"])
    assert page.status_code == status
    assert said in page.text
    assert "Ride" in page.text
    assert "/r/" not in page.text


@pytest.mark.parametrize("locale", LOCALES)
def test_the_language_is_the_readers(api: Api, locale: str) -> None:
    code = a_code(api, a_program(api))
    by_browser = api.with_key(None).call("GET", path_of(code["invite_url"]), headers={"Accept-Language": locale})
    assert f'<html lang="{locale}">' in by_browser.text
    assert by_browser.headers["Content-Language"] == locale
    other = "en" if locale != "en" else "uk"
    asked_for = api.with_key(None).call(
        "GET", path_of(code["invite_url"]), query={"lang": locale}, headers={"Accept-Language": other}
    )
    assert f'<html lang="{locale}">' in asked_for.text


def test_a_programs_own_texts_come_first_in_their_language(api: Api) -> None:
    a_customer(api, ALICE, invite_name_opt_in=True)
    texts = {"uk": {"headline": "{referrer} дарує {offer}", "button": "До {program}"}}
    program = a_program(api, name="Ride")
    expect(api.patch(f"/v1/programs/{program['id']}", {"branding": {"texts": texts, "display_name": "Поїхали"}}), 200)
    url = a_code(api, program)["invite_url"]
    ukrainian = opened(api, url, lang="uk")
    assert "Alice дарує 5,00" in ukrainian.text
    assert "До Поїхали" in ukrainian.text
    assert "Get $5.00" in opened(api, url, lang="en").text


def test_the_channel_is_handed_on_to_the_link_that_counts(api: Api) -> None:
    code = a_code(api, a_program(api))
    assert f'href="{code["share_url"]}?ch=viber"' in opened(api, code["invite_url"], ch="viber").text
    assert "?ch=" not in opened(api, code["invite_url"], ch='"><script>').text.split("<main")[1].split("</main>")[0]


def test_a_pretty_link_shows_the_same_unless_the_program_wants_signed_links_only(api: Api, tenant: Any) -> None:
    program = a_program(api, name="Ride")
    code = a_code(api, program)
    pretty = f"https://refer.test/i/{tenant.tenant.slug}/{code['code'].lower()}"
    assert code["share_url"] in opened(api, pretty).text
    expect(api.patch(f"/v1/programs/{program['id']}", {"signed_links_only": True}), 200)


class Structure(HTMLParser):
    """The elements of a page and the names of their attributes, without any of its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))


def test_no_text_gets_out_of_its_place(api: Api) -> None:
    """A page with hostile texts has the elements and attributes that it has with harmless ones."""
    program = a_program(api)
    path = f"/v1/programs/{program['id']}"
    url = a_code(api, program)["invite_url"]

    def built(text: str) -> list[tuple[str, ...]]:
        a_customer(api, ALICE, invite_name_opt_in=True, display_name=text[:100])
        texts = {"en": {"headline": text[:140], "lead": text[:300], "button": text[:40]}}
        expect(api.patch(path, {"branding": {"display_name": text[:60], "texts": texts}}), 200)
        page = opened(api, url)
        assert page.status_code == 200
        return Structure(page.text).elements

    harmless = built("Harmless")
    assert len(harmless) > 30
    shown = [script for script in XSS if "{" not in script]
    assert len(shown) >= 40
    for script in shown:
        assert built(script) == harmless, script


def test_pictures_are_pictures_and_made_for_genuine_links_alone(api: Api) -> None:
    code = a_code(api, a_program(api))
    card = opened(api, code["invite_url"] + "/card.png", lang="uk")
    assert (card.status_code, card.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(card.data)) as image:
        assert image.size == (1200, 630)
    assert len(card.data) < 100_000
    svg, png = opened(api, code["qr_url"]), opened(api, code["qr_url"].replace(".svg", ".png"))
    assert svg.headers["Content-Type"].startswith("image/svg+xml")
    assert svg.data.startswith(b"<svg")
    assert png.data.startswith(b"\x89PNG")
    for made_up in ("/i/AAAAAAAA/card.png", "/q/AAAAAAAA.svg", "/q/AAAAAAAA.png"):
        assert opened(api, made_up).status_code == 404


def test_a_picture_that_is_kept_costs_no_look_up(api: Api, database: Database) -> None:
    code = a_code(api, a_program(api))
    card, qr = code["invite_url"] + "/card.png", code["qr_url"]
    first = opened(api, card).data
    with statements(database) as asked:
        assert opened(api, card).data == first
        assert opened(api, qr).status_code == 200
    assert asked == []


def test_messengers_and_people_who_look_count_as_no_click(api: Api) -> None:
    code = a_code(api, a_program(api))
    for agent in ("WhatsApp/2.23", "TelegramBot (like TwitterBot)", "Mozilla/5.0 (Windows NT 10.0) Firefox/150.0"):
        page = api.with_key(None).call("GET", path_of(code["invite_url"]), headers={"User-Agent": agent})
        assert 'property="og:title"' in page.text
    assert api.with_key(None).call("HEAD", path_of(code["invite_url"])).status_code == 200
    program_id = code["program_id"]
    assert expect(api.get(f"/v1/programs/{program_id}/stats"), 200)["clicks"] == 0


def test_a_typed_code_leads_to_its_invitation(api: Api, tenant: Any) -> None:
    code = a_code(api, a_program(api))
    anybody = api.with_key(None)
    form = f"/code/{tenant.tenant.slug}"
    assert anybody.get(form).status_code == 200
    typed = f" {code['code'][:4].lower()}-{code['code'][4:]} "
    found = anybody.client.post(form, data={"code": typed}, query_string={"lang": "uk"})
    assert (found.status_code, found.headers["Location"]) == (303, path_of(code["invite_url"]) + "?lang=uk")
    wrong = anybody.client.post(form, data={"code": "<b>wrong"})
    assert wrong.status_code == 404
    assert "&lt;b&gt;wrong" in wrong.text
    assert anybody.get("/code/nobody-has-this").text.count("<form") == 1

"""A page speaks the language that its view has chosen, in templates and in sentences alike."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string

from referral_service.share.wiring import current_voice, install, use_locale

PAGE = (
    "<html lang={{ language.locale }} dir={{ language.direction }}>{{ _('Rewarded') }}|"
    "{{ ngettext('%(number)s day left', '%(number)s days left', 5, number=voice.number(5)) }}|"
    "{{ voice.gettext('Gift') }}|"
    "{{ _('I recommend %(program)s.', program='<b>') }}|{{ languages | length }}"
)


@pytest.fixture
def site() -> Flask:
    app = Flask("pages")
    install(app)

    @app.get("/<locale>")
    def page(locale: str) -> str:
        use_locale(locale)
        return render_template_string(PAGE) + f"|{current_voice().locale}"

    @app.get("/")
    def untouched() -> str:
        return render_template_string("{{ _('Rewarded') }}")

    return app


def test_a_template_and_a_sentence_agree(site: Flask) -> None:
    assert site.test_client().get("/uk").get_data(as_text=True) == (
        "<html lang=uk dir=ltr>Винагороду отримано|залишилося 5 днів|Подарунок|Рекомендую «&lt;b&gt;».|4|uk"
    )


def test_requests_one_after_another_keep_to_their_own_language(site: Flask) -> None:
    client = site.test_client()
    said = [client.get(path).get_data(as_text=True).rsplit("|", 1)[-1] for path in ("/ru", "/bg", "/en", "/xx")]
    assert said == ["ru", "bg", "en", "en"]
    assert client.get("/").get_data(as_text=True) == "Rewarded"

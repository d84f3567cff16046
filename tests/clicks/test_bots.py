"""Who is a person: browsers and the apps that open links in one, and not what messengers send to look first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.clicks.bots import is_bot, kind_of_visit

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko)"

PEOPLE = {
    "chrome": CHROME,
    "safari": f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "samsung": "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 "
    "Chrome/121.0.0.0 Mobile Safari/537.36",
    "inside facebook": f"{IPHONE} Mobile/20F66 [FBAN/FBIOS;FBDV/iPhone12,1;FBMD/iPhone;FBSN/iOS;FBSV/16.5;FBSS/2]",
    "inside instagram": f"{IPHONE} Mobile/15E148 Instagram 289.0.0.25.49 (iPhone12,1; iOS 16_5; en_US)",
    "inside tiktok": f"{CHROME} trill_2021907050 BytedanceWebview/d8a21c6",
    "inside wechat": f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.38 NetType/WIFI",
    "inside telegram": f"{ANDROID} Chrome/126 Mobile Safari/537.36 Telegram-Android/10.1",
    "a phone named cubot": f"{ANDROID} Chrome/126 Mobile Safari/537.36".replace("Pixel 7", "CUBOT NOTE 7"),
    "curl": "curl/8.5.0",
    "httpie": "HTTPie/3.2.2",
    "requests": "python-requests/2.32.3",
    "httpx": "python-httpx/0.28.1",
    "flask's test client": "Werkzeug/3.1.3",
}

BOTS = {
    "whatsapp": "WhatsApp/2.23.20.0 A",
    "telegram": "TelegramBot (like TwitterBot)",
    "facebook": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "imessage": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "twitter": "Twitterbot/1.0",
    "slack": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "discord": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "linkedin": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "skype and teams": "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "viber": "Viber/13.0.0.1",
    "line": "facebookexternalhit/1.1;line-poker/1.0",
    "kakao": "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984",
    "vk": "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "snapchat": "Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
    "reddit": "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
    "pinterest": "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
    "mastodon": "http.rb/5.1.1 (Mastodon/4.2.0; +https://mastodon.social/)",
    "bluesky": "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
    "matrix": "Synapse (bot; +https://github.com/matrix-org/synapse)",
    "google": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "google mail": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "bing": f"{CHROME} BingPreview/1.0b",
    "apple": f"{CHROME} (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "a mail scanner": f"{CHROME} Barracuda Sentinel (EE)",
    "headless": CHROME.replace("Chrome", "HeadlessChrome"),
    "a program of unknown purpose": "Go-http-client/2.0",
    "curl inside something": "curl/8.5.0 (linkpreview)",
    "nothing": "",
    "blank": "  ",
}


class Headers(dict[str, str]):
    """Headers as the edge passes them."""


@pytest.mark.parametrize("user_agent", PEOPLE.values(), ids=PEOPLE.keys())
def test_a_person_is_a_person(user_agent: str) -> None:
    assert not is_bot(user_agent)
    assert kind_of_visit("GET", Headers({"User-Agent": user_agent, "Sec-Fetch-Dest": "document"})) == "person"
    assert kind_of_visit("GET", Headers({"User-Agent": user_agent})) == "person"


@pytest.mark.parametrize("user_agent", BOTS.values(), ids=BOTS.keys())
def test_a_bot_is_a_bot(user_agent: str) -> None:
    assert kind_of_visit("GET", Headers({"User-Agent": user_agent})) == "bot"


def test_whoever_sends_no_name_is_no_person() -> None:
    assert kind_of_visit("GET", Headers()) == "bot"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ("Purpose", "prefetch"),
        ("X-Purpose", "preview"),
        ("X-Moz", "prefetch"),
        *[
            ("Sec-Fetch-Dest", it)
            for it in ("iframe", "frame", "embed", "object", "image", "script", "style", "empty", "video", "font")
        ],
    ],
)
def test_what_a_browser_fetches_without_being_asked_is_no_visit(name: str, value: str) -> None:
    assert kind_of_visit("GET", Headers({"User-Agent": CHROME, name: value})) == "prefetch"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_only_get_is_a_visit(method: str) -> None:
    assert kind_of_visit(method, Headers({"User-Agent": CHROME})) == "prefetch"


@given(st.text(max_size=2000))
def test_any_header_is_read_without_an_error(text: str) -> None:
    headers = {"User-Agent": text, "Sec-Purpose": text, "Sec-Fetch-Dest": text}
    assert kind_of_visit("GET", Headers(headers)) in {"person", "bot", "prefetch"}

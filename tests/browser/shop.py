"""A shop that uses the service as its guide says, and a provider of accounts that knows nothing of it.

The shop's pages allow no inline script, no inline style and no HTML made from text; what it asks the service for, it
asks from its server with its key.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from flask import Flask, Response, redirect, request
from markupsafe import Markup, escape

from referral_service.kit.clock import SystemClock, format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SESSION = "shop_session"
SECONDS_MAX = 10.0
# What the visitor may click on where the program asks for consent.
SHOP_SCRIPT = """
addEventListener("click", (event) => {
  if (event.target.id === "agree") document.dispatchEvent(new CustomEvent("referral:consent"));
  if (event.target.id === "refuse") document.dispatchEvent(new CustomEvent("referral:consent", { detail: false }));
});
"""


class Shop:
    """A WSGI application. Each account is a customer of the service, known by the name it signed up with."""

    def __init__(self, url: str, *, service_url: str, api_key: str, program: Any, provider_url: str) -> None:
        self.url = url
        self.service_url = service_url
        self.provider_url = provider_url
        self.program = program
        # What stands in the head of every page.
        self.head = self.attribution_tag()
        # What the service answered to each claim.
        self.claims: list[Any] = []
        self.panel = ""
        # What its pages may frame, by their policy.
        self.frames = service_url
        self._http = httpx.Client(
            base_url=service_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=SECONDS_MAX,
            trust_env=False,
        )
        self._people: dict[str, str] = {}
        self._app = self._make()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def close(self) -> None:
        self._http.close()

    def attribution_tag(self, program: Any = None, *, attributes: str = "") -> str:
        """Return the line that the guide gives for every page of the shop."""
        program_id = (program or self.program)["id"]
        return f'<script src="{self.service_url}/attribution/{program_id}.js" {attributes}></script>'

    def widget_tag(self, token: str, *, attributes: str = "") -> str:
        """Return the line that the guide gives for the page with the share panel."""
        return (
            f'<script src="{self.service_url}/widget/{self.program["id"]}.js" data-token="{escape(token)}" '
            f"{attributes}></script>"
        )

    def show_panel(self, token: str, *, attributes: str = "") -> str:
        """Put the share panel on `/refer`, and return that page's address."""
        self.panel = self.widget_tag(token, attributes=attributes)
        return f"{self.url}/refer"

    def page(self, title: str, content: str) -> Response:
        body = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" href="data:,">{self.head}<script src="/shop.js" defer></script></head>'
            f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
        )
        response = Response(body, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' {self.service_url}; frame-src {self.frames}; "
            "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return response

    def _make(self) -> Flask:
        app = Flask("shop", static_folder=None)
        app.add_url_rule("/welcome", view_func=self._welcome)
        app.add_url_rule("/shoes", view_func=self._shoes)
        app.add_url_rule("/sign-up", view_func=self._sign_up)
        app.add_url_rule("/oauth/start", view_func=self._to_provider)
        app.add_url_rule("/oauth/callback", view_func=self._from_provider)
        app.add_url_rule("/accounts", view_func=self._make_account, methods=["POST"])
        app.add_url_rule("/account", view_func=self._account)
        app.add_url_rule("/orders", view_func=self._buy, methods=["POST"])
        app.add_url_rule("/refer", view_func=self._refer)
        app.add_url_rule("/shop.js", view_func=lambda: Response(SHOP_SCRIPT, content_type="text/javascript"))
        return app

    def _welcome(self) -> Response:
        return self.page(
            "Shoes and more",
            '<p><a href="/shoes">Shoes</a> <a href="/sign-up">Sign up</a></p>'
            '<p><button id="agree">Agree</button> <button id="refuse">Refuse</button></p>',
        )

    def _shoes(self) -> Response:
        return self.page("Shoes", '<p><a href="/sign-up">Sign up to buy</a></p>')

    def _sign_up(self) -> Response:
        return self.page("Sign up", f'<p><a href="/oauth/start">Go on with an account</a></p>{_form("")}')

    def _to_provider(self) -> Any:
        query = urlencode({"redirect_uri": f"{self.url}/oauth/callback", "state": secrets.token_hex(8)})
        return redirect(f"{self.provider_url}/authorize?{query}")

    def _from_provider(self) -> Response:
        """Only what the provider was given comes back: nothing of the share link."""
        return self.page("Nearly there", _form(request.args["code"].removeprefix("code-of-")))

    def _make_account(self) -> Any:
        name = request.form["name"]
        touches = request.form.get("referral_touches")
        if touches:
            claim = {"touches": json.loads(touches), "referee": {"customer_id": name}}
            self.claims.append(self._http.post("/v1/referrals", json=claim).json())
        session = secrets.token_hex(16)
        self._people[session] = name
        response = redirect("/account", 303)
        response.set_cookie(SESSION, session, httponly=True, samesite="Lax")
        return response

    def _account(self) -> Response:
        name = self._people[request.cookies[SESSION]]
        return self.page(
            f"Hello, {name}", '<form method="post" action="/orders"><button>Buy shoes for 50 dollars</button></form>'
        )

    def _buy(self) -> Response:
        number = secrets.token_hex(6)
        purchase = {
            "id": f"e-{number}",
            "type": "purchase",
            "customer_id": self._people[request.cookies[SESSION]],
            "order_id": f"o-{number}",
            "amount": {"amount_minor": 5000, "currency": "USD"},
            "occurred_at": format_rfc3339(SystemClock().now()),
        }
        self._http.post("/v1/events", json=purchase).raise_for_status()
        return self.page("Thank you", "<p>Your shoes are on the way.</p>")

    def _refer(self) -> Response:
        return self.page("Invite your friends", f'<div id="panel"></div>{self.panel}')


def _form(name: str) -> Markup:
    return Markup(
        '<form method="post" action="/accounts" data-referral>'
        '<p><label>Your name <input name="name" value="{}" autocomplete="name" required></label></p>'
        "<p><button>Make my account</button></p></form>"
    ).format(name)


def make_provider() -> Flask:
    """Return a provider of accounts, on whose page everybody is called Bob."""
    app = Flask("provider", static_folder=None)

    @app.get("/authorize")
    def authorize() -> Response:
        back = {"code": "code-of-bob", "state": request.args["state"]}
        target = f"{request.args['redirect_uri']}?{urlencode(back)}"
        return Response(
            '<!doctype html><html lang="en"><title>Your account</title><link rel="icon" href="data:,">'
            f'<main><h1>Sign in to the shop?</h1><a href="{escape(target)}">Yes, as Bob</a></main></html>',
            content_type="text/html; charset=utf-8",
        )

    return app

"""The application: wiring, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter

from referral_service import migrations
from referral_service.clicks import views as clicks
from referral_service.clicks.lean_links import LeanLinks
from referral_service.codes import views as codes
from referral_service.config import Settings
from referral_service.customers import views as customers
from referral_service.insights import views as insights
from referral_service.journeys.views import clock as journeys_clock
from referral_service.journeys.views import coupons as journeys_coupons
from referral_service.journeys.views import events as journeys_events
from referral_service.journeys.views import notifications as journeys_notifications
from referral_service.journeys.views import referrals as journeys_referrals
from referral_service.journeys.views import rewards as journeys_rewards
from referral_service.journeys.views import wallet as journeys_wallet
from referral_service.journeys.views import wiring as journeys
from referral_service.kit.clock import Clock, SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.cursors import Cursors
from referral_service.kit.db.engines import Database
from referral_service.kit.http import envelope, headers, limits, openapi, problems, wiring
from referral_service.kit.http.idempotency import InFlight
from referral_service.kit.http.ingress import admission, front
from referral_service.kit.http.ingress.joint import joint_requests
from referral_service.kit.http.json_provider import OrjsonProvider
from referral_service.kit.http.limits import Limits
from referral_service.kit.http.wiring import Service
from referral_service.operations import docs, metrics
from referral_service.operations import views as operations
from referral_service.privacy import views as privacy
from referral_service.programs import views as programs
from referral_service.share.api import views as share_api
from referral_service.share.brand import views as share_brand
from referral_service.share.invite.views import look_up as share_look_up
from referral_service.share.invite.views import pages as share_invite
from referral_service.share.mine import views as share_mine
from referral_service.share.pages import views as share_pages
from referral_service.share.pictures import views as share_pictures
from referral_service.share.scripts import views as share_scripts
from referral_service.signing.key_ring import KeyRing
from referral_service.tenants import views as tenants
from referral_service.tenants.auth import KeyDirectory
from referral_service.tenants.kept_answers import KeptAnswers
from referral_service.webhooks_in import views as webhooks_in
from referral_service.webhooks_out import views as webhooks_out

# In the order in which the API is documented.
VIEWS = (
    tenants,
    programs,
    customers,
    codes,
    clicks,
    share_api,
    share_brand,
    journeys_referrals,
    journeys_events,
    journeys_rewards,
    journeys_coupons,
    journeys_wallet,
    journeys_notifications,
    insights,
    journeys_clock,
    privacy,
    webhooks_out,
    webhooks_in,
    share_invite,
    share_pictures,
    share_pages,
    share_scripts,
    share_mine,
    operations,
)


class Application(Flask):
    """Flask without coroutines, and without names of hosts: it would look for both in every request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find routes by the path alone. Links are made from the settings, and no rule redirects to another."""
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        scheme = environ["wsgi.url_scheme"]
        return MapAdapter(self.url_map, "", environ.get("SCRIPT_NAME", ""), "", scheme, request.path, request.method)


class NoSessions(SessionInterface):
    """The API sets no cookie and remembers nobody between two requests."""

    def open_session(self, app: Flask, request: Request) -> None:  # noqa: ARG002
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Nothing to save."""


def create_app(settings: Settings, *, clock: Clock | None = None, database: Database | None = None) -> Flask:
    """Make the application. A database given by the caller stays the caller's to dispose of; see `close`."""
    app = Application("referral_service", static_folder=None)
    app.session_interface = NoSessions()
    app.json = OrjsonProvider(app)
    app.url_map.merge_slashes = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    service = _wire(settings, clock or SystemClock(), database or Database.of(settings))
    wiring.install(app, service)
    clicks.install(app, service)
    codes.install(app, service)
    journeys.install(app, service)
    webhooks_in.install(app, service)
    share_pages.install(app, service)
    share_look_up.install(app, service)
    share_pictures.install(app)
    share_scripts.install(app, service)
    operations.install(app, service)
    problems.install(app, settings)
    headers.install(app, settings)
    limits.install(app)
    requests = metrics.install(app)
    envelope.install(app, settings, requests.count)
    (app.config[operations.SCHEMA_REVISION],) = migrations.heads()
    api = openapi.install(app)
    for views in VIEWS:
        api.register_blueprint(views.blueprint)
    app.register_blueprint(docs.blueprint)
    # In front of Flask: the gate, and before that the links that are known, which need no place inside.
    gated = admission.install(app, settings, passing=operations.WITHOUT_WAITING)
    links = LeanLinks(gated, clicks.links_of(app), settings, requests.count)
    app.wsgi_app = links  # type: ignore[method-assign]
    app.extensions[front.EXTENSION] = front.Front(ahead=links.answer, admission=gated, is_joint=joint_requests(app))
    return app


def close(app: Flask) -> None:
    """Give back what the application holds, when the process ends."""
    front.front_of(app).close()
    clicks.close(app)
    service: Service = app.extensions[wiring.EXTENSION]
    service.database.dispose()


def _wire(settings: Settings, clock: Clock, database: Database) -> Service:
    sealer = Sealer(settings.master_keys)
    return Service(
        settings=settings,
        database=database,
        clock=clock,
        sealer=sealer,
        cursors=Cursors(sealer.derive_all("cursors")),
        answers=KeptAnswers(sealer),
        in_flight=InFlight(),
        limits=Limits(enabled=settings.rate_limits, redis_url=settings.redis_url),
        keys=KeyDirectory(database, clock),
        key_ring=KeyRing(database, sealer, clock),
    )

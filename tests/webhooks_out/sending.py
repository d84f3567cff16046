"""An app's endpoints, what is announced to them, a courier, and a receiver that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pytest_httpserver import HTTPServer
from sqlalchemy import select
from standardwebhooks import Webhook
from werkzeug import Request, Response

from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.notifications.announce import Change, announce
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out
from referral_service.webhooks_out.endpoints.secrets import new_secret, sealed_secret
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import ENABLED

Answer = Callable[[Request], Response]


class Endpoint(NamedTuple):
    """An endpoint of the app, and its secret."""

    app_id: int
    id: str
    secret: str


class Inbox:
    """What came to one path of the receiver. `answers` are given one after the other, the last one for ever."""

    def __init__(self, server: HTTPServer, path: str, *answers: int | Answer) -> None:
        self.url = server.url_for(path)
        self.requests: list[Request] = []
        self.answers = list(answers or [204])
        server.expect_request(path).respond_with_handler(self._take)

    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]

    def verified(self, *secrets: str) -> list[Any]:
        """Return the bodies, having let the reference library prove each by each of the secrets.

        The times are those of a clock that may stand still in another year: only the signature is proved.
        """
        for request in self.requests:
            for secret in secrets:
                signed = request.headers["webhook-id"], request.headers["webhook-timestamp"]
                proof = Webhook(secret).sign(signed[0], _moment(signed[1]), request.get_data(as_text=True))
                assert proof in request.headers["webhook-signature"].split(" ")
        return [request.json for request in self.requests]

    def _take(self, request: Request) -> Response:
        request.get_data()
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return Response(status=answer) if isinstance(answer, int) else answer(request)


class Outbox:
    """One app's way out: endpoints are added, changes announced, and a courier sent until nothing is due."""

    def __init__(self, database: Database, sealer: Sealer, clock: FixedClock, app_id: int) -> None:
        self.database, self.sealer, self.clock, self.app_id = database, sealer, clock, app_id

    def add(self, url: str, *, events: Sequence[str] = ("*",)) -> Endpoint:
        endpoint = Endpoint(self.app_id, new_id("whe"), new_secret())
        now = self.clock.now()

        def work(session: Any) -> None:
            session.add(
                WebhookEndpoint(
                    app_id=self.app_id,
                    id=endpoint.id,
                    url=url,
                    events=list(events),
                    state=ENABLED,
                    reason=None,
                    failing_since=None,
                    failures=0,
                    paused_until=None,
                    sequence=0,
                    created_at=now,
                    deleted_at=None,
                )
            )
            session.flush()
            session.add(
                sealed_secret(self.sealer, app_id=self.app_id, endpoint_id=endpoint.id, secret=endpoint.secret, now=now)
            )

        self.database.transact(work)
        return endpoint

    def announce(self, *types: str, place: bool = True) -> list[str]:
        """Announce changes of objects of their own, and return the notifications' ids."""
        changes = [
            Change(
                type=name,
                object_id=new_id("rwd"),
                sequence=1,
                previous_state="pending",
                state="available",
                reason="hold_ended",
                object={"nth": nth},
            )
            for nth, name in enumerate(types)
        ]
        now = self.clock.now()
        ids = self.database.transact(lambda session: announce(session, app_id=self.app_id, changes=changes, now=now))
        if place:
            self.place()
        return ids

    def place(self) -> int:
        now = self.clock.now()
        return self.database.transact(lambda session: place_and_fan_out(session, app_id=self.app_id, now=now))

    def courier(self, **more: Any) -> Courier:
        return Courier(database=self.database, sealer=self.sealer, clock=self.clock, development=True, **more)

    def send(self) -> int:
        """Send what is due, and return how many attempts that took."""
        courier = self.courier()
        courier.run(until_idle=True)
        return courier.sent

    def deliveries(self) -> dict[str, Delivery]:
        """Return the deliveries by the ids of their notifications; the app has one endpoint then."""
        return {row.notification_id: row for row in self._all(Delivery)}

    def states(self, endpoint: Endpoint) -> list[str]:
        return [row.state for row in self._all(Delivery) if row.endpoint_id == endpoint.id]

    def endpoint(self, endpoint: Endpoint) -> WebhookEndpoint:
        rows: dict[str, WebhookEndpoint] = {row.id: row for row in self._all(WebhookEndpoint)}
        return rows[endpoint.id]

    def _all(self, model: Any) -> Any:
        return self.database.read(lambda session: session.scalars(select(model).order_by(model.id)).all())


def _moment(timestamp: str) -> datetime:
    return datetime.fromtimestamp(int(timestamp), UTC)

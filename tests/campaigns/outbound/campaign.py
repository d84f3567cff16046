"""Campaign 14 (SAFETY.md): notifications are announced all the while, workers are killed, receivers misbehave."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.outbound.crew import Crew
from campaigns.outbound.metronome import Metronome
from campaigns.outbound.nursery import MASTER_KEYS, settings_for
from campaigns.outbound.receivers import Deed, Receiver, Street, failing_at_random
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from webhooks_out.sending import Endpoint, Outbox

from builders import Api, a_program, expect, purchase_body
from referral_service.app import close, create_app
from referral_service.kit.clock import SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.notifications.models import Notification
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import LIVE
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.endpoints.switch import switch_off, switch_on
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DEAD, DISABLED, DONE, FAILED, LEASED, SCHEDULED

WORKERS = 2
POINTS = {
    "key": "points", "side": "self", "on": "every_purchase",
    "give": {"kind": "points", "quantity": 1, "per_minor": 100},
}  # fmt: skip
# The reward is created, it is available, the balance has changed.
CHANGES_OF_A_PURCHASE = 3
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many notifications are announced in batches of how many, and how often a worker is killed meanwhile."""

    notifications: int
    batch: int
    kills: int
    pause_seconds: float = 0.3
    drain_seconds: float = 90.0


# CAMPAIGN_SIZE -> size. "long" is SAFETY.md's size.
SIZES = {
    "ci": Size(notifications=360, batch=12, kills=10),
    "long": Size(notifications=5000, batch=24, kills=10, drain_seconds=3600.0),
}


def size() -> Size:
    return SIZES[os.environ.get("CAMPAIGN_SIZE", "ci")]


@dataclass
class Campaign:
    """One app with its endpoints. `kills` holds the moments at which a worker was killed."""

    database: Database
    size: Size
    seed: int = field(default_factory=lambda: int(os.environ.get("CAMPAIGN_SEED", "0")))
    kills: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.chance = random.Random(self.seed)
        self.gone_after = self.size.notifications // 3
        self.is_reopened = False
        self.healthy = Receiver("/healthy", lambda: Deed.TAKE, wants=("balance.*", "endpoint.*"))
        self.sick = Receiver("/sick", failing_at_random(random.Random(self.seed + 1), 0.3))
        self.gone = Receiver("/gone", self._until_gone)
        self.dead = Receiver("/dead", lambda: Deed.TAKE)
        self.receivers = (self.healthy, self.sick, self.gone, self.dead)
        self.street = Street(self.receivers)
        self.metronome = Metronome(self.database)
        opened = self.database.transact(
            lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=self.clock.now())
        )
        self.app_id = opened.tenant.app_id
        sealer = Sealer(MASTER_KEYS)
        ensure_keys(self.database, sealer, self.clock.now())
        # Nothing of it asks for a clock that stands still.
        self._outbox = Outbox(self.database, sealer, self.clock, self.app_id)  # type: ignore[arg-type]
        self._app = create_app(settings_for(self.database), clock=self.clock, database=self.database)
        self._api = Api(self._app.test_client(), key=opened.key.secret, clock=self.clock)
        a_program(self._api, rewards=[POINTS])
        self.endpoints: dict[str, Endpoint] = {}
        self.announced = self.died = 0

    def _until_gone(self) -> Deed:
        return Deed.TAKE if self.is_reopened or len(self.gone.arrivals) < self.gone_after else Deed.GONE

    # -- the days ----------------------------------------------------------------------------------------

    def run(self, *, plant: str | None = None) -> None:
        """Announce, deliver, kill, reopen, and wait until all is delivered that will be."""
        self.street.start()
        self.metronome.start()
        try:
            for receiver in self.receivers:
                port = self.street.nobodys_port if receiver is self.dead else self.street.port
                endpoint = self._outbox.add(f"http://127.0.0.1:{port}{receiver.path}", events=receiver.wants)
                receiver.secret, self.endpoints[receiver.path] = endpoint.secret, endpoint
            url = self.database.url.render_as_string(hide_password=False)
            with Crew(url, size=WORKERS, plant=plant) as crew:
                self._flow(crew)
                self._reopen(self.gone)
                self.street.open_up()
                self._switch_off(self.dead)
                self._reopen(self.dead)
                self.until(self._is_drained, self.size.drain_seconds)
                self.exit_codes = crew.stop()
        finally:
            self.metronome.stop()
            self.street.stop()
            close(self._app)

    def _flow(self, crew: Crew) -> None:
        """Announce beside the killing: neither runs far ahead of the other."""
        parts = self.size.kills + 1

        def kill() -> None:
            for nth in range(self.size.kills):
                while self.announced * parts < self.size.notifications * (nth + 1):
                    time.sleep(LOOK_SECONDS)
                time.sleep(self.chance.uniform(0, self.size.pause_seconds))
                crew.kill(self.chance.randrange(WORKERS))
                self.kills.append(self.clock.now())

        killer = threading.Thread(target=kill, name="killer")
        killer.start()
        while self.announced < self.size.notifications:
            if self.announced * parts < self.size.notifications * (len(self.kills) + 2):
                self._announce(self.size.batch)
                time.sleep(self.size.pause_seconds)
            if self.announced > self.size.notifications * 2 // 3 and not self.is_reopened:
                self._reopen(self.gone)
            time.sleep(LOOK_SECONDS)
        killer.join()

    def _announce(self, count: int) -> None:
        """Let Bob buy until at least so many changes are announced, with what they announce: real ones, so that the
        doctor can say whether all is well.
        """
        purchases = -(-count // CHANGES_OF_A_PURCHASE)
        bodies = [purchase_body(at=self.clock.now()) for _ in range(purchases)]
        expect(self._api.post("/v1/events", {"events": bodies}), 200)
        self.announced += purchases * CHANGES_OF_A_PURCHASE

    # -- the owner of the endpoints ----------------------------------------------------------------------

    def _switch_off(self, receiver: Receiver) -> None:
        def off(session: Session) -> None:
            switch_off(session, self._locked(session, receiver), why=Why.BY_APP, now=self.clock.now())

        self.database.transact(off)

    def _reopen(self, receiver: Receiver) -> None:
        """Mend the receiver, switch its endpoint on, and ask for all that failed; nothing where it is on already."""
        if receiver is self.gone:
            self.until(lambda: self._is(receiver, DISABLED) or self.is_reopened, 30)
            self.is_reopened = True
        if not self._is(receiver, DISABLED):
            return
        # What is under way may still be answered 410, and that would be true.
        self.until(lambda: not self._count(receiver, LEASED), 30)

        def on(session: Session) -> None:
            now = self.clock.now()
            switch_on(session, self._locked(session, receiver), now=now)
            session.execute(
                update(Delivery)
                .where(Delivery.endpoint_id == self._id(receiver), Delivery.state.in_(FAILED))
                .values(state=SCHEDULED, attempts=0, next_attempt_at=now)
            )

        self.database.transact(on)

    # -- what is there -----------------------------------------------------------------------------------

    def _is_drained(self) -> bool:
        """Whether all is done; ten failures in a row kill a message now and then, and its owner asks for it again."""

        def again(session: Session) -> list[str]:
            dead = list(session.scalars(select(Delivery.id).where(Delivery.state == DEAD)))
            anew = {"state": SCHEDULED, "attempts": 0, "next_attempt_at": self.clock.now()}
            session.execute(update(Delivery).where(Delivery.id.in_(dead)).values(anew))
            return dead

        if self._count(self.sick, DEAD):
            self.died += len(self.database.transact(again))
        return self.is_all_done()

    def is_all_done(self) -> bool:
        def work(session: Session) -> bool:
            unplaced = select(func.count()).select_from(Notification).where(Notification.position.is_(None))
            undone = select(func.count()).select_from(Delivery).where(Delivery.state != DONE)
            return not session.scalar(unplaced) and not session.scalar(undone)

        return self.database.read(work)

    def until(self, what: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; give up after a while, and let the judge say what is wrong."""
        given_up_at = time.monotonic() + seconds
        while not what():
            if time.monotonic() > given_up_at:
                return False
            time.sleep(0.1)
        return True

    def _id(self, receiver: Receiver) -> str:
        return self.endpoints[receiver.path].id

    def _is(self, receiver: Receiver, state: str) -> bool:
        return self._outbox.endpoint(self.endpoints[receiver.path]).state == state

    def _count(self, receiver: Receiver, state: str) -> int:
        wanted = select(func.count()).where(Delivery.endpoint_id == self._id(receiver), Delivery.state == state)
        return int(self.database.read(lambda session: session.scalar(wanted)) or 0)

    def _locked(self, session: Session, receiver: Receiver) -> WebhookEndpoint:
        wanted = select(WebhookEndpoint).where(WebhookEndpoint.id == self._id(receiver))
        return session.scalars(wanted.with_for_update(key_share=True)).one()

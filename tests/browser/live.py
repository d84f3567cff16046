"""The real service on a real port, with a test app in it whose key is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from conftest import MASTER_KEYS
from flask import Flask
from sqlalchemy import update

from browser.serving import served
from builders import Api
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.programs.models import Program
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import OpenedApp, open_app
from referral_service.tenants.tenant import TEST
from referral_service.worker import work_off


@dataclass(frozen=True, slots=True)
class LiveService:
    """`url` is where a browser finds it; `api` is the same service called with the test app's admin key."""

    url: str
    app: Flask
    database: Database
    tenant: OpenedApp
    api: Api

    @property
    def key(self) -> str:
        return self.tenant.key.secret

    def work_off(self) -> None:
        """Do what the worker does, until nothing is due.

        In a thread of its own: the browser's event loop counts as running in this one.
        """
        thread = Thread(target=work_off, args=(self.app.extensions[EXTENSION],), kwargs={"stop": Event()})
        thread.start()
        thread.join()

    def brand(self, program: Any, **branding: Any) -> None:
        """Set what a program's branding says."""
        self.database.transact(
            lambda session: session.execute(
                update(Program).where(Program.id == program["id"]).values(branding=branding)
            )
        )


@contextmanager
def live_service(database: Database, folder: Path) -> Iterator[LiveService]:
    """Run the service on a migrated, empty SQLite database, in real time."""
    clock = SystemClock()
    ensure_keys(database, Sealer(MASTER_KEYS), clock.now())
    tenant = database.transact(lambda session: open_app(session, name="Shop", mode=TEST, actor="cli", now=clock.now()))
    made: list[Flask] = []

    def make(url: str) -> Flask:
        settings = Settings(
            database_url=database.url.render_as_string(hide_password=False),
            base_url=url,
            master_keys=MASTER_KEYS,
            data_dir=folder,
            rate_limits=False,
        )
        made.append(create_app(settings, clock=clock, database=database))
        return made[0]

    with served(make) as url:
        api = Api(made[0].test_client(), key=tenant.key.secret, clock=clock)
        yield LiveService(url, made[0], database, tenant, api)
    close(made[0])

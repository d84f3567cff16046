from __future__ import annotations

import pytest
from webhooks_out.sending import Outbox

from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def outbox(database: Database, settings: Settings, clock: FixedClock, tenant: OpenedApp) -> Outbox:
    return Outbox(database, Sealer(settings.master_keys), clock, tenant.tenant.app_id)

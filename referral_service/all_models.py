"""Every table, imported once, so that Alembic and the tests see the whole schema."""

from __future__ import annotations

from referral_service.audit import models as audit
from referral_service.clicks import models as clicks
from referral_service.codes import models as codes
from referral_service.customers import models as customers
from referral_service.events import models as events
from referral_service.insights import models as insights
from referral_service.kit.db.base import Base
from referral_service.ledger import models as ledger
from referral_service.notifications import models as notifications
from referral_service.programs import models as programs
from referral_service.referrals import models as referrals
from referral_service.rewards import models as rewards
from referral_service.signing import models as signing
from referral_service.tenants import models as tenants
from referral_service.webhooks_in import models as webhooks_in
from referral_service.webhooks_out import models as webhooks_out

ROOMS = (
    audit,
    clicks,
    codes,
    customers,
    events,
    insights,
    ledger,
    notifications,
    programs,
    referrals,
    rewards,
    signing,
    tenants,
    webhooks_in,
    webhooks_out,
)
metadata = Base.metadata

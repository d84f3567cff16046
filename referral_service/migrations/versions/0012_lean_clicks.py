"""Lean clicks: what nothing has ever written goes, and with it an index that every click was entered into.

A click is of a person without a name until a claim's token proves it, and no address is kept of one.

Revision: 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id

revision = "0012"
down_revision = "0011"

INDEX = "ix_clicks_app_id_customer_id"


def upgrade() -> None:
    op.drop_index(op.f(INDEX), table_name="clicks")
    op.drop_column("clicks", "customer_id")
    op.drop_column("clicks", "address_ct")


def downgrade() -> None:
    op.add_column("clicks", sa.Column("customer_id", Id, nullable=True))
    op.add_column("clicks", sa.Column("address_ct", sa.LargeBinary(), nullable=True))
    op.create_index(op.f(INDEX), "clicks", ["app_id", "customer_id"], unique=False)

"""Pages: a program's logo, a program found by its id alone, the consent to be named, and one number instead of a
moment that says which share tokens still count.

Revision: 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, Number, UtcDateTime, Word

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "program_logos",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("sha256", Word, nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_program_logos_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", name=op.f("pk_program_logos")),
    )
    op.create_index(op.f("ix_programs_id"), "programs", ["id"], unique=False)
    op.add_column("customers", sa.Column("invite_name_opt_in", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Nothing ever wrote the moment: there were no tokens.
    op.add_column("customers", sa.Column("share_tokens_series", Number, nullable=False, server_default="0"))
    op.drop_column("customers", "share_tokens_from")


def downgrade() -> None:
    op.add_column("customers", sa.Column("share_tokens_from", UtcDateTime(), nullable=True))
    op.drop_column("customers", "share_tokens_series")
    op.drop_column("customers", "invite_name_opt_in")
    op.drop_index(op.f("ix_programs_id"), "programs")
    op.drop_table("program_logos")

"""Sessions of the SMART app, for minutes each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "app_sessions",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_index(op.f("ix_app_sessions_expires_at"), "app_sessions", ["expires_at"], unique=False)

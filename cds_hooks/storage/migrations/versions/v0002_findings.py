"""What a card found, as digests: so that an answer to it can be remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; cards from before have none, and nothing is remembered of them."""
    for name in ("finding", "facts"):
        op.add_column("cards", sa.Column(name, sa.String(length=64), nullable=False, server_default=sa.text("''")))
    op.create_index(op.f("ix_cards_patient_encounter"), "cards", ["patient", "encounter"], unique=False)

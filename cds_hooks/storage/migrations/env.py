"""Run by Alembic inside a transaction that the caller holds; there is no other way to run these migrations."""

from __future__ import annotations

from alembic import context

from cds_hooks.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()

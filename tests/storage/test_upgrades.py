"""A database of each earlier form comes forward with everything it holds."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection

from cds_hooks.storage import schema_version
from cds_hooks.storage.records import Records
from tests.storage.places import NOW, Place, unbroken

CARD = (
    "INSERT INTO cards (id, call, at, client, service, hook, kind, indicator, shown, rules, offers, definition, "
    "knowledge, knowledge_hash, patient, \"user\", encounter) VALUES ('a', 'b', 1, 'c', 's', 'h', 'k', 'info', "
    "{true}, '[]', '{{}}', 'd', '1', 'sha256:0', 'p', 'u', '')"
)


def test_a_card_from_before_findings_is_kept_and_remembers_nothing(bare: Place) -> None:
    def as_first_made(connection: Connection) -> None:
        command.upgrade(schema_version._config(connection), "0001")

    async def begin(records: Records) -> None:
        await records.database.write(as_first_made)

    bare.play(begin)
    bare.sql(CARD.format(true="true" if bare.server is not None else "1"))

    async def come_forward(records: Records) -> None:
        await records.prepare(NOW)
        assert await schema_version.revision_of(records.database) == schema_version.newest()
        await unbroken(records, 0)
        assert (
            await records.answered.of(
                client="c", patient="p", user="u", encounter="", since=NOW.min.replace(tzinfo=NOW.tzinfo)
            )
            == ()
        )

    bare.play(come_forward)
    assert bare.sql("SELECT id, kind, finding, facts FROM cards") == [("a", "k", "", "")]

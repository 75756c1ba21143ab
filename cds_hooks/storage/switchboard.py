"""Who is live, in shadow or off: switches by client and by rule, kept as a history and never overwritten.

A switch is thrown by a named person with a reason. The latest one for a (client, rule) counts; ``default`` takes the
earlier ones back. All workers and replicas read them from the database before each call.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Select, func, insert, select

from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.tables import switches

Mode = Literal["live", "shadow", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT = "default"
EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One decision: `mode` (or ``default``) for a client (or ``*``) and a rule (or ``*``), by whom, when and why."""

    client: str
    rule: str
    mode: str
    who: str
    why: str
    at: datetime


_FIELDS = tuple(field.name for field in fields(Switch))


class Switchboard:
    """Reads and adds switches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self) -> tuple[Switch, ...]:
        """The switches in force: for each client and rule the latest, without those taken back."""
        latest = select(func.max(switches.c.id)).group_by(switches.c.client, switches.c.rule)
        wanted = select(switches).where(switches.c.id.in_(latest), switches.c.mode != DEFAULT).order_by(switches.c.id)
        return await self._read(wanted)

    async def history(self) -> tuple[Switch, ...]:
        """Every switch ever thrown, oldest first."""
        return await self._read(select(switches).order_by(switches.c.id))

    @staticmethod
    def add(connection: Connection, switch: Switch) -> None:
        """Throw `switch` inside the caller's transaction."""
        connection.execute(insert(switches).values(asdict(switch)))

    async def _read(self, wanted: Select[Any]) -> tuple[Switch, ...]:
        rows = await self._database.read(
            lambda connection: connection.execute(wanted).mappings().all(), wait=HOOK_SECONDS
        )
        return tuple(Switch(**{name: row[name] for name in _FIELDS}) for row in rows)

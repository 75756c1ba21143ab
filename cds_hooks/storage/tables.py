"""The tables, for both databases. Changes come with a migration; a test holds the two together.

Instants are whole microseconds since 1970 in UTC: both databases sort and compare them alike. Lists are JSON text made
of our own ids. `PATIENT_COLUMNS` and `PERSON_COLUMNS` say which columns speak of a person at all.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """`at` as it is kept."""
    return (at - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """A datetime with a zone, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To whole microseconds."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Back to a datetime in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class JsonText(TypeDecorator[Any]):
    """A list or mapping of our own ids, as JSON text with sorted keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Back from text."""
        return None if value is None else orjson.loads(value)


installation = Table(
    "installation",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("begun_at", Instant, nullable=False),
    Column("key_mark", String(64), nullable=False),  # tells one installation key from another, not the key
)

tokens_used = Table(
    "tokens_used",
    metadata,
    Column("mark", String(64), primary_key=True),  # digest of issuer and jti
    Column("expires_at", Instant, nullable=False, index=True),
)

calls = Table(
    "calls",
    metadata,
    Column("id", String(32), primary_key=True),  # random; the correlation id of the log
    Column("at", Instant, nullable=False, index=True),
    Column("client", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("status", Integer, nullable=False),
    Column("orders", Integer, nullable=False),  # selected drafts of concern
    Column("shown", Integer, nullable=False),
    Column("shadowed", Integer, nullable=False),
    Column("knowledge", String(64), nullable=False),
)

cards = Table(
    "cards",
    metadata,
    Column("id", String(36), primary_key=True),  # the card's uuid; shadowed cards have one that nobody was sent
    Column("call", String(32), nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("client", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("indicator", String(16), nullable=False),
    Column("shown", Boolean, nullable=False),  # false: computed in shadow
    Column("rules", JsonText, nullable=False),
    Column("offers", JsonText, nullable=False),  # uuid of each suggestion, with what it proposes
    Column("definition", String(64), nullable=False),
    Column("knowledge", String(64), nullable=False),
    Column("knowledge_hash", String(80), nullable=False),
    Column("patient", String(64), nullable=False),  # pseudonym
    Column("user", Text, nullable=False),
    Column("encounter", String(64), nullable=False),  # pseudonym, empty when none was named
    Column("finding", String(64), nullable=False, server_default=text("''")),  # digest of what was found
    Column(
        "facts", String(64), nullable=False, server_default=text("''")
    ),  # two half digests: what it rests on, what was ordered
)

feedback = Table(
    "feedback",
    metadata,
    Column("mark", String(64), primary_key=True),  # digest of client, card, outcome, suggestions and instant
    Column("received_at", Instant, nullable=False, index=True),
    Column("client", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("card", String(36), nullable=True, index=True),  # null: no card of ours with this id went to this client
    Column("outcome", String(16), nullable=False),
    Column("accepted", JsonText, nullable=False),  # what was proposed by the suggestions accepted
    Column("unknown_suggestions", Integer, nullable=False),
    Column("reasons", JsonText, nullable=False),  # codes of ours
    Column("reason_given", String(16), nullable=False),  # ours, other (not kept), none
    Column("comment", LargeBinary, nullable=True),  # encrypted; null when none came or comments are dropped
    Column("commented", Boolean, nullable=False),
    Column("happened_at", Instant, nullable=True),
    Column("irregular", JsonText, nullable=False),  # what was missing or odd about the item, in our words
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False, index=True),
    Column("record", Text, nullable=False),  # FHIR AuditEvent as canonical JSON
    Column("previous", String(64), nullable=False),
    Column("mark", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mark", String(64), nullable=False),
    Column("first_seq", BigInteger, nullable=False),  # the oldest event still kept
    Column("before_first", String(64), nullable=False),  # the mark that the oldest kept event follows
    Column("seal", String(64), nullable=False),  # keyed digest of the four; empty until a key is bound
)

switches = Table(
    "switches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("client", String(64), nullable=False),  # a client id, or *
    Column("rule", String(100), nullable=False),  # a rule id, or *
    Column("mode", String(16), nullable=False),  # live, shadow, off, or default: the switch is taken back
    Column("who", String(200), nullable=False),
    Column("why", String(1000), nullable=False),
    sqlite_autoincrement=True,
)

app_sessions = Table(
    "app_sessions",
    metadata,
    Column("mark", String(64), primary_key=True),  # digest of the random id in the browser's cookie
    Column("sealed", LargeBinary, nullable=False),  # tokens, patient, user; needs the key and the cookie to be opened
    Column("expires_at", Instant, nullable=False, index=True),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("mark", String(64), primary_key=True),  # digest of the random secret in the link
    Column("client", String(64), nullable=False),
    Column("user", String(64), nullable=False),  # digest of the clinician, keyed by the secret in the link
    Column("attempts", Integer, nullable=False),  # sign-ins by somebody else
    Column("sealed", LargeBinary, nullable=False),  # the page; needs the key and the link to be opened
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

Index(None, cards.c.client, cards.c.at)
Index(None, cards.c.patient, cards.c.encounter)

PATIENT_COLUMNS = frozenset(
    {
        *("cards.patient", "cards.encounter", "feedback.comment", "audit_events.record", "app_sessions.sealed"),
        "snapshots.sealed",
    }
)
PERSON_COLUMNS = frozenset(
    {
        *("cards.user", "feedback.comment", "switches.who", "switches.why", "audit_events.record"),
        *("app_sessions.sealed", "snapshots.sealed", "snapshots.user"),
    }
)

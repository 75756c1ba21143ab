"""So that opening a record does not say the same thing every day.

What is kept: for (client, user, patient) a keyed digest, and beside it a keyed digest of the verdict last
shown on patient-view, with the instant at which it was first shown. No name, id, value or text: the key is drawn at
random when the process starts and never leaves it, so nothing can be turned back or joined with anything. Why: within
one sitting a record opened again is answered in full, because the client has dropped the earlier cards; after it a
verdict is worth a card only when it changes. How long: `LIFETIME`, at most `CAPACITY` entries, gone with the process;
nothing touches the disk. Who reads it: only `told_at`. Several worker processes each keep their own and may each
speak once. It never decides on recorded danger, hard stops or gates.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from datetime import datetime, timedelta

LIFETIME = timedelta(days=7)
CAPACITY = 50_000


class VerdictMemory:
    """Remembers what patient-view has already said."""

    def __init__(self, *, capacity: int = CAPACITY, lifetime: timedelta = LIFETIME) -> None:
        self._secret = secrets.token_bytes(32)
        self._capacity = capacity
        self._lifetime = lifetime
        self._said: OrderedDict[bytes, tuple[bytes, datetime]] = OrderedDict()

    def told_at(self, *, client: str, user: str, patient: str, verdict: str, now: datetime) -> datetime | None:
        """When this user was first told `verdict`; None when it is news: never told, told otherwise last, forgotten."""
        who, what = self._digest(client, user, patient), self._digest(client, user, patient, verdict)
        said = self._said.get(who)
        return None if said is None or said[0] != what or now - said[1] >= self._lifetime else said[1]

    def remember(self, *, client: str, user: str, patient: str, verdict: str, now: datetime) -> None:
        """Note that this user is told the news `verdict`; call it once the answer is on record and leaves."""
        who, what = self._digest(client, user, patient), self._digest(client, user, patient, verdict)
        self._said[who] = (what, now)
        self._said.move_to_end(who)
        while len(self._said) > self._capacity:
            self._said.popitem(last=False)

    def _digest(self, *parts: str) -> bytes:
        # Lengths go in too, so that ("ab", "c") and ("a", "bc") differ.
        message = b"".join(len(raw).to_bytes(8, "big") + raw for raw in (part.encode() for part in parts))
        return hmac.new(self._secret, message, hashlib.sha256).digest()

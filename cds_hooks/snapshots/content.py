"""What is inside a snapshot: the page as it was when the card was made, and what its audit event has to say."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import orjson

_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A whole page. `patient` is the pseudonym and `user` the name under which both stand in the records; `call` is
    the correlation id of the hook call, `knowledge` version and hash.
    """

    html: str = field(repr=False)
    patient: str = field(repr=False)
    user: str = field(repr=False)
    call: str
    service: str
    knowledge: str

    def packed(self) -> str:
        """As text, compressed: an encrypted page no longer compresses."""
        return base64.b64encode(zlib.compress(orjson.dumps(asdict(self)), _LEVEL)).decode()

    @classmethod
    def unpacked(cls, text: str) -> Content | None:
        """From text; None when another version of the program wrote it."""
        told: Any = orjson.loads(zlib.decompress(base64.b64decode(text)))
        names = {one.name for one in fields(cls)}
        return cls(**told) if isinstance(told, dict) and set(told) == names else None

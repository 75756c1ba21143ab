"""The installation's key: what turns a patient into a pseudonym, seals comments and marks the audit chain.

The key file holds one key a line, 32 random bytes in URL-safe base64, the current one first. Older ones below it still
open what they sealed. The file is made on first use beside the embedded database, readable by its owner only; with a
shared database every replica needs the same file. Without the key no pseudonym can be turned back or joined.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be used; the message says why and how to mend it, never what is in it."""


def _derived(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"trd-cds {purpose}".encode()).derive(key)


@dataclass(frozen=True, slots=True)
class InstallationKeys:
    """What is derived from the key file. Nothing of it is ever shown.

    `mark` names the current key in 64 hexadecimal digits; `known_marks` all of the file.
    """

    mark: str
    known_marks: frozenset[str]
    _pseudonyms: bytes = field(repr=False)
    _chains: tuple[bytes, ...] = field(repr=False)
    _seals: MultiFernet = field(repr=False)
    _pages: bytes = field(repr=False)
    _sessions: tuple[bytes, ...] = field(repr=False, default=())

    @classmethod
    def from_keys(cls, keys: tuple[bytes, ...]) -> InstallationKeys:
        """Derive from raw keys of `KEY_BYTES` bytes, the current one first."""
        marks = [_derived(key, "mark").hex() for key in keys]
        seals = [Fernet(base64.urlsafe_b64encode(_derived(key, "comments"))) for key in keys]
        return cls(
            mark=marks[0],
            known_marks=frozenset(marks),
            _pseudonyms=_derived(keys[0], "pseudonyms"),
            _chains=tuple(_derived(key, "audit chain") for key in keys),
            _seals=MultiFernet(seals),
            _pages=_derived(keys[0], "pages"),
            _sessions=tuple(_derived(key, "sessions") for key in keys),
        )

    def pseudonym(self, kind: str, *parts: str) -> str:
        """A name for what `parts` identify: 64 hexadecimal digits, the same for the same key."""
        return _keyed(self._pseudonyms, kind, *parts)

    def page_token(self, *parts: str) -> str:
        """Proof that a form was made by this service for what `parts` say."""
        return _keyed(self._pages, *parts)

    def chained(self, previous: str, record: str) -> str:
        """The mark of `record` after `previous` under the current key."""
        return _keyed(self._chains[0], previous, record)

    def continues(self, previous: str, record: str, mark: str) -> bool:
        """Whether `mark` is that of `record` after `previous` under any key of the file."""
        told = mark.encode(errors="surrogatepass")
        return any(hmac.compare_digest(_keyed(chain, previous, record).encode(), told) for chain in self._chains)

    def seal(self, text: str) -> bytes:
        """Encrypt `text` for storage."""
        return self._seals.encrypt(text.encode(errors="replace"))

    def unseal(self, sealed: bytes) -> str | None:
        """What `seal` was given; None when no key of the file opens it."""
        try:
            return self._seals.decrypt(sealed).decode()
        except InvalidToken:
            return None

    def seal_for(self, holder: str, text: str) -> bytes:
        """Encrypt `text` so that it takes both the key and the secret of its `holder` to open it."""
        return self._held_by(holder).encrypt(text.encode(errors="replace"))

    def unseal_for(self, holder: str, sealed: bytes) -> str | None:
        """What `seal_for` was given; None when the holder is another, or no key of the file opens it."""
        try:
            return self._held_by(holder).decrypt(sealed).decode()
        except InvalidToken:
            return None

    def _held_by(self, holder: str) -> MultiFernet:
        raws = (bytes.fromhex(_keyed(key, holder)) for key in self._sessions)
        return MultiFernet([Fernet(base64.urlsafe_b64encode(raw)) for raw in raws])


def read_keys(file: Path, *, make: bool) -> InstallationKeys:
    """The keys in `file`, which is made with one new key when it is not there and `make` is set.

    Raises KeyFileError when it is missing, malformed, or open to others than its owner.
    """
    if make and not file.exists():
        try:
            _make(file)
        except OSError as fault:
            raise KeyFileError(
                f"{file.name}: the key file cannot be made; name a file in a folder that this user may write"
            ) from fault
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise KeyFileError(f"{file.name}: others may read the key file; run `chmod 600` on it")
        lines = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFileError(f"{file.name}: the key file cannot be read; {_REMEDY}") from fault
    keys = []
    for number, line in enumerate(lines, start=1):
        try:
            key = base64.b64decode(line, altchars=b"-_", validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyFileError(f"{file.name}, line {number}: this is no key; {_REMEDY}")
        keys.append(key)
    if not keys:
        raise KeyFileError(f"{file.name}: the key file is empty; {_REMEDY}")
    return InstallationKeys.from_keys(tuple(keys))


_REMEDY = "restore it from your backup, or make one with `trd-cds database key FILE`"


def _make(file: Path) -> None:
    """Write a new key so that two workers starting together end with the same file, and it is never half written."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as written:
            written.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            written.flush()
            os.fsync(written.fileno())
        with suppress(FileExistsError):  # another was faster: then theirs counts
            os.link(draft, file)
        _settle(file.parent)
    finally:
        draft.unlink()


def _settle(folder: Path) -> None:
    """Have the name of the new file on disk too: a database may be bound to it a moment later."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _keyed(key: bytes, *parts: str) -> str:
    # Lengths go in too, so that ("ab", "c") and ("a", "bc") differ.
    raws = (part.encode(errors="surrogatepass") for part in parts)
    message = b"".join(len(raw).to_bytes(8, "big") + raw for raw in raws)
    return hmac.new(key, message, hashlib.sha256).hexdigest()

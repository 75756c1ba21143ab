"""An access token from a file: never from the command line, which other users of the machine can read."""

from __future__ import annotations

from pathlib import Path

from cds_hooks.commands.refusal import Refusal


def read_token(file: Path, option: str = "--token-file") -> str:
    """The token in `file`. Raises Refusal, naming `option`, when it cannot be read or holds no single token."""
    try:
        written = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as fault:
        raise Refusal(option, f"cannot be read ({type(fault).__name__})", "name a text file") from None
    return as_token(written, option)


def as_token(written: str, where: str) -> str:
    """The one token that `written` is. Raises Refusal, naming `where`, when it is none."""
    token = written.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refusal(where, "does not hold one token", "write the token, and nothing else, into it")
    return token

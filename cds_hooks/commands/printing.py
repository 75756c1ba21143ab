"""Results on standard output: UTF-8 whatever the locale, JSON indented by two in the order given."""

from __future__ import annotations

import sys
from typing import Any

import orjson


def print_json(document: dict[str, Any]) -> None:
    """Print `document` with its keys in the order they have."""
    _write(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def print_text(text: str) -> None:
    """Print `text` with exactly one line end."""
    _write(text.rstrip("\n").encode())


def _write(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content + b"\n")
    sys.stdout.buffer.flush()

"""CSV that opens in a spreadsheet as what it says.

A cell that begins like a formula would be computed there (OWASP: CSV injection); an apostrophe before it makes it text.
Rows end in CRLF as RFC 4180 asks; the text is UTF-8 with the mark that spreadsheets need to see that.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # also the full-width forms


def to_csv(header: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]) -> bytes:
    """`header` and `rows` as CSV."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in header])
    writer.writerows([_safe(value) for value in row] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def _safe(value: str | int | float | None) -> str | int | float:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text

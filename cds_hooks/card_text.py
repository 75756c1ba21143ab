r"""The text of a card, made safe for every client whatever it holds: one dialect, one line each, bounded.

Chart text is escaped where a sentence is filled (`plugin.advice.wording.escape`). This is the last gate before the
wire and trusts nobody: of Markdown only ``**bold**`` and lists leave; characters that no reader sees are taken out,
among them those that turn the reading direction; addresses cannot become links, as clients make links even of plain
addresses.

>>> gfm_line("**sertraline**: <b>[see](http://evil.example)</b>")
'**sertraline**: \\<b\\>\\[see\\](http: //evil.example)\\</b\\>'
>>> plain_line(gfm_line("**sertraline**: CRP < 3"))
'sertraline: CRP ‹ 3'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LINE_BELOW = 2_000  # characters; no line of ours comes near it
DETAIL_BELOW = 20_000
LABEL_BELOW = 300
CUT = "…"
_BLANKS = re.compile(r"\s+")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# An escaped character, bold, or one that would be markup.
_PIECES = re.compile(r"\\[!-/:-@\[-`{-~]|\*\*|[\\`*_\[\]<>#|~&]")
_LIST_MARK = re.compile(r"^(?:[-+=]|\d{1,9}(?=[.)]))")
_ADDRESS = re.compile(
    r"(?i)(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\S)(?=@)|(?<=@)(?=\S)|(?<=\bmailto:)(?=\S)|(?<=\bxmpp:)(?=\S)"
)
_ANGLES = str.maketrans("<>", "‹›")


def one_line(text: str) -> str:
    """`text` without line breaks, control characters, and characters that show nothing or turn the direction."""
    blank = _BLANKS.sub(" ", text)
    if blank.isprintable():  # nothing unseen, as in nearly every line of ours
        return blank.strip()
    seen = "".join(c for c in blank if unicodedata.category(c) not in _UNSEEN)
    return _BLANKS.sub(" ", seen).strip()


def label(text: str) -> str:
    """A text that is shown as it is, never as Markdown: a label, a description. No HTML even where one reads it so."""
    return _cut(one_line(text).translate(_ANGLES), LABEL_BELOW)


def gfm_line(text: str) -> str:
    """One line of Markdown in which only bold and escapes mean anything."""
    line = _ADDRESS.sub(" ", _cut(one_line(text), LINE_BELOW).removeprefix("- "))
    escaped = _PIECES.sub(lambda found: found[0] if len(found[0]) > 1 else "\\" + found[0], line)
    return _LIST_MARK.sub(lambda found: found[0] + "\\" if found[0].isdigit() else "\\" + found[0], escaped)


def plain_line(line: str) -> str:
    """A line of ours for a client that shows `detail` as it is: no bold, no backslashes, no angle brackets."""
    return re.sub(r"\\([!-/:-@\[-`{-~])|\*\*", lambda found: found[1] or "", line).translate(_ANGLES)


def detail(lines: Iterable[str], *, markdown: bool = True) -> str | None:
    """The lines as a list, None without any. Beyond the bound whole lines are left out before the last; a sign says so.

    Lists alone are shown alike by all known clients: no tables, no raw HTML.
    """
    items = [item for line in lines if (item := gfm_line(line))]
    kept = _within(items if markdown else [plain_line(item) for item in items])
    return "\n".join(f"- {item}" for item in kept) or None


def _within(items: Sequence[str]) -> list[str]:
    if sum(len(item) + 3 for item in items) < DETAIL_BELOW:
        return list(items)
    kept: list[str] = []
    room = DETAIL_BELOW - len(items[-1]) - 10
    for item in items[:-1]:
        room -= len(item) + 3
        if room < 0:
            break
        kept.append(item)
    return [*kept, CUT, items[-1]]


def _cut(text: str, below: int) -> str:
    # An escape is never cut in two: a lone backslash at the end would escape what comes next.
    return text if len(text) < below else text[: below - 2].rstrip("\\") + CUT

"""The last gate before the wire: whatever a line holds, nothing but bold and lists is Markdown in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_hooks.card_text import DETAIL_BELOW, LABEL_BELOW, LINE_BELOW, detail, gfm_line, label, one_line, plain_line

# The independent reader: CommonMark with raw HTML, tables and strikethrough.
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open", "paragraph_close",
    "inline", "text", "strong_open", "strong_close",
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<https://evil.example>",
    "[ref]: https://evil.example",
    "`code` ``` ~~~ $x$",
    "# heading",
    "> quote",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "- item\n\t- nested",
    "1. one",
    "2) two",
    "+ plus",
    "---",
    "===",
    "***",
    "___",
    "~~gone~~ _soft_ *soft* __loud__",
    "&lt;b&gt; &#60;b&#62;",
    "a\\",
    "\\<b>",
    "line\u2028line\u2029line\x85line",
    "\u202eevil\u202c \u2066x\u2069 \u200bzero\ufeff",
    "\x00\x07\x1b[31m\x7f",
    "[ ] todo",
    "[^1] note",
    "<!-- gone -->",
    "<![CDATA[x]]>",
    "\\\\<b>",
]
ADDRESSES = [
    "https://evil.example/x",
    "HTTP://evil.example",
    "www.evil.example",
    "me@evil.example",
    "mailto:me@evil.example",
    "ftp://evil.example",
    "xmpp:me@evil.example",
]
hostile = st.text(st.sampled_from("\\`*_[]<>#|~&!()-+=.:/@1 \n\tab\x00\u202e")) | st.sampled_from(HOSTILE) | st.text()


def kinds_of(markdown: str) -> set[str]:
    found = set()
    for token in READER.parse(markdown):
        found |= {token.type, *(child.type for child in token.children or ())}
    return found


def read(markdown: str) -> str:
    """What a reader sees of a list: its text."""
    return "\n".join(
        "".join(child.content for child in token.children or ())
        for token in READER.parse(markdown)
        if token.type == "inline"
    )


@pytest.mark.proves("CA-03")
@pytest.mark.parametrize("text", [*HOSTILE, *ADDRESSES])
def test_hostile_lines_stay_text(text):
    said = detail([text, f"before {text} after"])
    assert said is not None
    assert kinds_of(said) <= OURS
    assert len(said.splitlines()) == 2


@pytest.mark.proves("CA-03", "FN-11")
@given(st.lists(hostile))
def test_nothing_becomes_markup(lines):
    said = detail(lines)
    assert said is None or kinds_of(said) <= OURS
    assert said is None or all(line.startswith("- ") for line in said.split("\n"))


@given(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="*\\:@w"), min_size=1).map(
        lambda t: "x" + t
    )
)
def test_a_reader_sees_the_words_as_they_were(text):
    assert read(detail([text]) or "") == text
    assert plain_line(gfm_line(text)) == text.translate(str.maketrans("<>", "‹›"))


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_are_broken_so_that_no_client_makes_links_of_them(text):
    for line in (gfm_line(text), gfm_line(f"({text})")):
        assert not re.search(r"(?i)://|\bwww\.|\w@\w|mailto:\w|xmpp:\w", line)


@given(hostile)
def test_a_line_that_was_made_safe_stays_as_it_is(text):
    once = gfm_line(text)
    assert gfm_line(once) == once


@given(hostile)
def test_plain_text_has_no_angles_and_no_bold(text):
    assert not re.search(r"[<>]|\*\*", plain_line(gfm_line(text.replace("*", ""))))


@given(hostile)
def test_what_no_reader_sees_is_taken_out(text):
    for made in (one_line(text), gfm_line(text), label(text)):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", made)


@pytest.mark.parametrize("text", ["x" * 100_000, "<b>" * 40_000, "\\" * 100_000, "\n" * 100_000 + "x", "* " * 50_000])
def test_lines_and_labels_are_bounded(text):
    assert len(label(text)) < LABEL_BELOW
    assert len(gfm_line(text)) < 2 * LINE_BELOW
    assert kinds_of(detail([text]) or "") <= OURS


@pytest.mark.parametrize("markdown", [True, False])
def test_the_detail_is_bounded_and_keeps_its_last_line(markdown):
    said = detail([*("y" * 1_000 for _ in range(100)), "As of today."], markdown=markdown) or ""
    assert len(said) < DETAIL_BELOW
    assert said.splitlines()[-2:] == ["- …", "- As of today."]
    assert detail([]) is None
    assert detail([" ", "\x00"]) is None


def test_bold_of_our_own_stays():
    assert detail(["**sertraline**, 200 mg"]) == "- **sertraline**, 200 mg"
    assert detail(["**sertraline**, 200 mg"], markdown=False) == "- sertraline, 200 mg"

"""A card as HTML: what stands on it is shown, never obeyed, and can be read and worked without seeing colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest

from cds_hooks.gallery.files import GalleryFiles
from cds_hooks.gallery.shown import FIRST, Shown
from cds_hooks.web.cards import STYLE, card_html, card_page
from cds_hooks.web.layout import ROOT

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "![picture](https://evil.example/p.png)",
    "[press](javascript:alert(1)) <a href='javascript:alert(1)'>x</a>",
    "</article></main><style>*{display:none}</style>",
)
VOID = {"input", "br", "hr", "meta", "img"}
ALLOWED = {
    "article", "p", "span", "h3", "a", "div", "ul", "ol", "li", "strong", "em", "code", "fieldset", "legend", "label",
    "input", "button",
}  # fmt: skip


def made(text: str = "Text", **more: Any) -> dict[str, Any]:
    """A wire card with `text` in every field that holds one."""
    coded = {"code": text, "system": "https://cds.example.org/x", "display": text}
    return {
        "uuid": text,
        "summary": text,
        "detail": f"- {text}\n- **{text}**",
        "indicator": "info",
        "source": {"label": text, "url": "https://cds.example.org/x", "topic": coded},
        "suggestions": [{"label": text, "uuid": text, "actions": []}, {"label": text, "uuid": "2", "actions": []}],
        "selectionBehavior": "at-most-one",
        "overrideReasons": [coded],
        "links": [{"label": text, "url": "https://cds.example.org/y", "type": "absolute"}],
        **more,
    }


class Tree(HTMLParser):
    """The elements of a document in order, each with its attributes and the text in it; tags must match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.elements[place][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, " ".join("".join(text).split())) for name, attributes, text in self.elements if name == tag
        ]


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_in_any_field_is_shown_and_not_obeyed(hostile: str, markdown: bool) -> None:
    tree = Tree(card_html(made(hostile), markdown=markdown))
    assert {tag for tag, _, _ in tree.elements} <= ALLOWED
    for _, attributes, _ in tree.elements:
        assert not any(name.startswith("on") or name in {"style", "src", "srcdoc", "action"} for name in attributes)
    assert all(re.match(r"https?://", attributes["href"] or "") for attributes, _ in tree.all("a"))
    [(_, summary)] = tree.all("h3")
    assert summary == " ".join(hostile.split())
    assert [text for _, text in tree.all("label")] == [" ".join(hostile.split())] * 2
    assert tree.all("button")[0][1] == " ".join(hostile.split())


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", " https://a.example"]
)
def test_an_address_that_is_none_to_follow_stays_text(address: str) -> None:
    card = made(links=[{"label": "L", "url": address}], source={"label": "S", "url": address})
    assert Tree(card_html(card)).all("a") == []


def test_links_open_apart_and_tell_nothing() -> None:
    card = made(detail="- [inside](https://cds.example.org/z)")
    found = Tree(card_html(card)).all("a")
    assert len(found) == len(["source", "detail", "link"])
    for attributes, _ in found:
        assert attributes["target"] == "_blank"
        assert attributes["rel"] == "noopener noreferrer"


def _is_accessible(card: Mapping[str, Any], html: str) -> None:
    tree = Tree(html)
    ids = [attributes["id"] for _, attributes, _ in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    [(article, everything)] = tree.all("article")
    [named] = [text for tag, attributes, text in tree.elements if attributes.get("id") == article["aria-labelledby"]]
    assert "".join(named) == card["summary"]
    word = {"info": "Information", "warning": "Warning", "critical": "Critical"}[card["indicator"]]
    assert word in everything
    inputs = [attributes for attributes, _ in tree.all("input")]
    assert [attributes["value"] for attributes in inputs] == [one["uuid"] for one in card.get("suggestions", [])]
    kind = "radio" if card.get("selectionBehavior") == "at-most-one" else "checkbox"
    assert all(attributes["type"] == kind and "checked" not in attributes for attributes in inputs)
    assert len(tree.all("label")) == len(inputs)
    assert all(text for _, text in (*tree.all("label"), *tree.all("legend"), *tree.all("button"), *tree.all("a")))
    assert len(tree.all("fieldset")) == len(tree.all("legend"))
    reasons = [reason["code"] for reason in card.get("overrideReasons", [])]
    assert [attributes["value"] for attributes, _ in tree.all("button")] == reasons


def test_every_card_of_the_gallery_is_built_so_that_it_can_be_read_and_worked(gallery: tuple[Shown, ...]) -> None:
    for one in gallery:
        for profile in {one.document_of(profile) for profile in one.looks}:
            card = orjson.loads(one.looks[profile].document)
            _is_accessible(card, card_html(card))


@pytest.mark.parametrize(
    ("suggestions", "way", "legend"),
    [(1, "any", "Suggestion"), (2, "any", "Suggestions: any of them"), (2, "at-most-one", "Suggestions: one at most")],
)
def test_the_card_says_how_many_suggestions_may_be_taken(suggestions: int, way: str, legend: str) -> None:
    card = made(selectionBehavior=way)
    card["suggestions"] = card["suggestions"][:suggestions]
    assert Tree(card_html(card)).all("legend")[0][1] == legend


def test_what_a_card_does_not_have_is_not_drawn_and_plain_text_stays_as_written() -> None:
    bare = {name: made()[name] for name in ("uuid", "summary", "indicator", "source")}
    assert {tag for tag, _, _ in Tree(card_html(bare)).elements} == {"article", "p", "span", "h3", "a"}
    plain = Tree(card_html({**bare, "detail": "- **one**\n- CRP ‹ 3"}, markdown=False))
    assert not plain.all("li")
    assert any(text == "- **one** - CRP ‹ 3" for _, text in plain.all("p"))
    assert Tree(card_html({**bare, "indicator": "loud"}, heading=2)).all("h2")


def test_the_page_of_a_picture_needs_nothing_from_elsewhere(wanted: GalleryFiles) -> None:
    page = next(iter(wanted.pages.values()))
    assert page == card_page(orjson.loads(wanted.texts[f"{FIRST}/{next(iter(wanted.pages)).split('/')[1][:-4]}.json"]))
    assert not re.search(r"@import|url\(|<script|<link|\bsrc=", page)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * one for one in digits) if len(digits) == len("fff") else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    style = (ROOT / "static" / STYLE).read_text(encoding="utf-8")
    light, dark = style.partition("@media print")[0].split("@media (prefers-color-scheme: dark)")
    colours: dict[str, list[str]] = {}
    for half in (light, dark):
        values = dict(re.findall(r"(--card-[a-z-]+): (#[0-9a-f]+)", half.split(".cds-card.warning")[0]))
        levels = [values["--card-level"], *re.findall(r"\.(?:warning|critical) \{ --card-level: (#[0-9a-f]+)", half)]
        assert len(levels) == len(["info", "warning", "critical"])
        pairs = [
            (values[f"--card-{name}"], values[ground])
            for name in ("ink", "soft", "link")
            for ground in ("--card-back",)
        ]
        pairs += [(values["--card-ink"], values["--card-press"])]
        pairs += [(level, values["--card-level-ink"]) for level in levels]
        for one, other in pairs:
            brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
            assert (brighter + 0.05) / (darker + 0.05) >= 4.5, (one, other)
        colours[half[:5]] = levels
    assert len(colours) == len(["light", "dark"])

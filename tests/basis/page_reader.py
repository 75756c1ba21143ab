"""Reads a page as a strict reader would: every tag closed in its order, every id once, every attribute seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})
_DRAWN = frozenset({"rect", "path", "circle", "polyline"})


@dataclass
class Read:
    """What was found: all tags, all attributes by tag, ids in order, fragments linked to, the text, the headings."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    text: str = ""
    headings: list[int] = field(default_factory=list)

    def values(self, tag: str, attribute: str) -> list[str]:
        """The values of an attribute of a tag."""
        return [value for of, name, value in self.attributes if of == tag and name == attribute]

    @property
    def fragments(self) -> list[str]:
        """Where links inside the page lead."""
        return [address[1:] for address in self.values("a", "href") if address.startswith("#")]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read, self.open, self._text = Read(), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _DRAWN, f"{tag} closes itself"
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.tags.append(tag)
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} is written twice"
        self.read.attributes += [(tag, name, value or "") for name, value in attrs]
        self.read.ids += [value or "" for name, value in attrs if name == "id"]
        if tag in {"h1", "h2", "h3", "h4"}:
            self.read.headings.append(int(tag[1]))

    def done(self) -> Read:
        self.close()
        assert self.open == [], "not every element is closed"
        self.read.text = " ".join("".join(self._text).split())
        return self.read


def read_page(html: str) -> Read:
    """The page as read; AssertionError for one that is not well-formed."""
    reader = _Reader()
    reader.feed(html)
    return reader.done()

"""The form as a browser sees it: which fields it would send, and what hangs together by ids."""

from __future__ import annotations

from html.parser import HTMLParser


class Form(HTMLParser):
    """Reads one page and gathers the fields that would be sent, labels, ids and every id referred to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.buttons: list[tuple[str, str]] = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.named: set[str] = set()
        self.action = ""
        self.tags: list[str] = []
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        assert not {name for name in given if name.startswith("on") or name == "style"}
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.referred |= set(given.get(name, "").split())
        if tag == "a" and given.get("href", "").startswith("#"):
            self.referred.add(given["href"][1:])
        if tag == "form":
            self.action = given["action"]
        elif tag == "label":
            self.labels.add(given.get("for", ""))
        elif tag == "button":
            self.buttons.append((given["name"], given["value"]))
        elif tag == "input" and (given["type"] != "checkbox" or "checked" in given):
            self.fields.append((given["name"], given["value"]))
        elif tag == "select":
            self._select, self._options = given["name"], []
        elif tag == "option":
            self._options.append((given["value"], "selected" in given))
        if tag in ("input", "select") and given.get("type") != "hidden":
            self.named.add(given["id"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self.fields.append((self._select, chosen[-1]))

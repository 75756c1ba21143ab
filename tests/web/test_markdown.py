"""Markdown from cards is shown, never obeyed."""

from __future__ import annotations

import pytest

from cds_hooks.web.markdown import to_html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onmouseover=alert(1)>b</b>",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "[click](vbscript:x)",
        "![x](https://elsewhere.example/pixel.gif)",
        '<https://ok.example/?a=1"onclick=alert(1)>',
        "```html\n<script>alert(1)</script>\n```",
        "| a |\n|---|\n| <iframe src=x> |",
        "[click](ms-officecmd:x)",
        "[click](/app/end)",
        "[click](//elsewhere.example)",
        "[click](data:image/png;base64,x)",
        "<tel:112>",
    ],
)
def test_markup_from_outside_stays_text(hostile: str) -> None:
    html = to_html(hostile).lower()
    for live in ("<script", "<img", "<iframe", "<b "):
        assert live not in html
    assert html.count("href=") == html.count('href="https://')


def test_what_cards_use_is_rendered() -> None:
    html = to_html(
        "**Trials**\n\n- sertraline, *adequate*\n- [source](https://example.org/a)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    for part in ("<strong>Trials</strong>", "<li>sertraline, <em>adequate</em></li>", "<table>"):
        assert part in html
    assert '<a href="https://example.org/a" rel="noopener noreferrer" target="_blank">source</a>' in html

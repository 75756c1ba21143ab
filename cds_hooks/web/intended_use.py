"""The page `/intended-use`: who the service is for, and what it must not be used for. Cards link to it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cds_hooks.web.layout import ROOT, page, serve_static
from cds_hooks.web.markdown import to_html

_FILE = "intended-use.md"


def intended_use() -> str:
    """The text, in Markdown: packaged with the wheel, in `docs/` of a checkout."""
    packaged = ROOT / "pages" / _FILE
    file = packaged if packaged.is_file() else Path(__file__).parents[2] / "docs" / _FILE
    return file.read_text(encoding="utf-8")


def add_intended_use(app: FastAPI, *, home: str = "/intended-use") -> None:
    """Add the page and the style sheet it needs to `app`; `home` is where the name in its head leads.

    It asks for no login: it says nothing about any patient.
    """
    html = page("text.html", title="Intended use", body=to_html(intended_use()), home=home)

    @app.get("/intended-use", include_in_schema=False)
    async def show() -> HTMLResponse:
        return html()

    serve_static(app)

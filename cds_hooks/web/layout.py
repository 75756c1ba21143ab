"""What all pages share: templates, static files and the headers that keep foreign content out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).parent
STATIC = "/static"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_TEMPLATES = Environment(
    loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def page(template: str, **values: Any) -> Callable[[], HTMLResponse]:
    """A maker of responses for the page `template`, filled once with `values` (escaped by default)."""
    html = _TEMPLATES.get_template(template).render(static=STATIC, **values)
    return lambda: HTMLResponse(html, headers=HEADERS)


def serve_static(app: FastAPI) -> None:
    """Serve the style sheet and script below `STATIC`, once per app."""
    if not any(isinstance(route, Mount) and route.path == STATIC for route in app.routes):
        app.mount(STATIC, StaticFiles(directory=ROOT / "static"), name="static")

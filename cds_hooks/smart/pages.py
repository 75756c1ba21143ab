"""The app's pages beside the basis itself: a refusal, the choice of an EHR, the end and the question before it; and the
headers of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from cds_hooks.smart.refusals import Told
from cds_hooks.web.layout import ROOT, STATIC

_NOBODY = "'none'"
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'"
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": f"{_POLICY}; frame-ancestors {_NOBODY}",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
)
_TEMPLATES = Environment(
    loader=FileSystemLoader([Path(__file__).parent / "templates", ROOT / "templates"]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def framed(headers: Mapping[str, str], origins: Sequence[str]) -> dict[str, str]:
    """`headers`, with frames allowed to `origins` and to nobody else, and nothing kept by any cache."""
    policy = [
        directive
        for directive in headers.get("Content-Security-Policy", "").split(";")
        if directive.strip() and not directive.strip().startswith("frame-ancestors")
    ]
    policy.append(f" frame-ancestors {' '.join(origins) or _NOBODY}")
    return {**headers, **_WITHOUT_POLICY, "Content-Security-Policy": ";".join(policy).strip()}


_WITHOUT_POLICY = {name: value for name, value in HEADERS.items() if name != "Content-Security-Policy"}


def refusal(told: Told, origins: Sequence[str] = (), *, home: str = "/app/standalone") -> HTMLResponse:
    """The page that says why nothing is shown; `home` is where the product's name leads."""
    more = {"Retry-After": "60"} if told.status == 429 else {}
    html = _TEMPLATES.get_template("refusal.html").render(title=told.heading, told=told, static=STATIC, home=home)
    return HTMLResponse(html, status_code=told.status, headers={**framed(HEADERS, origins), **more})


def choice(ehrs: Iterable[tuple[str, str]]) -> HTMLResponse:
    """The page on which somebody chooses at which EHR to open the app: ids and names."""
    html = _TEMPLATES.get_template("choice.html").render(
        title="Open the app", ehrs=list(ehrs), static=STATIC, home="/app/standalone"
    )
    return HTMLResponse(html, headers=dict(HEADERS))


def end(proof: str, origins: Sequence[str] = ()) -> HTMLResponse:
    """The page that asks whether the session is to end; `proof` shows that its form is ours."""
    html = _TEMPLATES.get_template("end.html").render(
        title="End the session?", csrf=proof, static=STATIC, home="/app/patient"
    )
    return HTMLResponse(html, headers=framed(HEADERS, origins))


def ended(origins: Sequence[str] = ()) -> HTMLResponse:
    """The page after a session was ended."""
    html = _TEMPLATES.get_template("ended.html").render(title="Session ended", static=STATIC, home="/app/standalone")
    return HTMLResponse(html, headers=framed(HEADERS, origins))

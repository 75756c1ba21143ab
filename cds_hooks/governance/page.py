"""The report as HTML: a page of the service, or a file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cds_hooks.governance.report import Modes, Report
from cds_hooks.storage.switchboard import DEFAULT, EVERY, MODES
from cds_hooks.web.alone import alone
from cds_hooks.web.layout import ROOT

STYLES = ("page.css", "governance.css")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

_TEMPLATES = Environment(
    loader=FileSystemLoader([Path(__file__).parent / "templates", ROOT / "templates"]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(EVERY=EVERY, CHOICES=(*MODES, DEFAULT))
_TEMPLATES.filters["percent"] = lambda share: f"{100 * share:.0f} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What a reader may do on the page.

    `token` is empty when this reader may not switch; `switchable` are the rules with their titles, hard stops left out.
    `said` is an answer to what was tried (`refused` when it was not done); `tried` fills the form again.
    """

    reader: str
    clients: Sequence[str]
    hooks: Sequence[str]
    token: str = ""
    switchable: Sequence[tuple[str, str]] = ()
    said: str = ""
    refused: bool = False
    tried: Mapping[str, str] = field(default_factory=dict)


def page_of(report: Report, modes: Modes, controls: Controls, *, prefix: str = "") -> str:
    """The page; `prefix` is the path under which a proxy offers the service."""
    return _TEMPLATES.get_template("governance.html").render(
        title="Governance",
        report=report,
        modes=modes,
        controls=controls,
        prefix=prefix,
        static=f"{prefix}/static",
        home=f"{prefix}/governance",
    )


def file_of(report: Report, modes: Modes | None) -> str:
    """The report as one file: its style is inside, it has no script, and its policy lets nothing else in."""
    return _TEMPLATES.get_template("report_file.html").render(
        title="Governance report",
        report=report,
        modes=modes,
        look="governance",
        **alone(ROOT / "static" / name for name in STYLES),
    )


def notice(title: str, *texts: str, prefix: str = "") -> str:
    """A page that only says something."""
    return _TEMPLATES.get_template("notice.html").render(
        title=title, texts=texts, static=f"{prefix}/static", home=f"{prefix}/governance", prefix=prefix
    )

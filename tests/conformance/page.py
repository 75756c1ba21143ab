"""docs/conformance.md: every requirement with the tests that prove it, or the reason why it does not apply.

``make conformance`` writes the page, and the copy of the table that ships with the checker; ``--check`` says whether
both are current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import get_args

from tests.conformance.proofs import ROOT, Proof, proofs
from tests.conformance.table import DUTIES, SHIPPED, Level, Row, judged, rows, shipped

PAGE = ROOT / "docs" / "conformance.md"
MADE = (
    "<!-- Made by `make conformance` from tests/conformance/requirements.csv and the marks of tests; do not edit. -->"
)
_SAID = """\
For whoever certifies or connects the service: every requirement of CDS Hooks that concerns a service, what is asked of
services in practice, and for each the tests that prove it or the reason why it does not apply. The requirements are in
our words; the section named is that of the CDS Hooks specification in the versions given, 3.0 being its ballot and what
followed. The service is built for 2.0.1. The third column says whose duty it is: a duty or freedom of the client is
kept by bearing with every form of it, and by refusing what would do harm.

Nobody keeps this page by hand. A test says which rows it proves (`@pytest.mark.proves`), and the tests fail when a row
of SHALL has neither test nor reason, when a mark names no row, or when the page is stale. *Late* tests run in
`make test-all` only. What [`trd-cds check`](check.md) judges from outside, of this service or any other, has a ◆.
""".splitlines()
FAMILIES: Mapping[str, str] = {
    "TR": "JSON and transport",
    "DI": "Discovery",
    "RQ": "Calling a service",
    "HK": "Hooks and context",
    "PV": "patient-view",
    "OS": "order-select",
    "OG": "order-sign",
    "HX": "Other hooks",
    "PF": "Prefetch",
    "TK": "Tokens of templates",
    "QY": "Queries of templates",
    "FA": "FHIR access",
    "RS": "The answer",
    "CA": "Cards",
    "SO": "Source of a card",
    "SU": "Suggestions",
    "AC": "Actions",
    "LK": "Links",
    "SY": "System actions",
    "CO": "Codings",
    "FB": "Feedback",
    "SE": "Trust",
    "JW": "Client tokens",
    "BP": "Best practices",
    "CS": "Browsers",
    "EX": "Extensions",
    "INF": "What Inferno asks",
    "EP": "What Epic documents",
    "MI": "Mistakes seen elsewhere",
    "FN": "Seen on the wire and asked for",
}


def page(listed: Sequence[Row], shown: Mapping[str, Sequence[Proof]]) -> str:
    """The page: counts by level, then every family with its rows. Raises KeyError for a family without a name."""
    return "\n".join([*_opening(listed, shown), *_families(listed, shown)]) + "\n"


def _opening(listed: Sequence[Row], shown: Mapping[str, Sequence[Proof]]) -> Iterator[str]:
    yield from (
        MADE,
        "",
        "# Conformance",
        "",
        *_SAID,
        "",
        "| level | rows | proven by tests | does not apply | neither |",
        "|---|---:|---:|---:|---:|",
    )
    for level in get_args(Level):
        of_level = [row for row in listed if row.level == level]
        yield _counts(level, of_level, shown)
    yield _counts("all", listed, shown)
    of_ours = [row for row in listed if row.level in DUTIES and row.actor != "client"]
    yield _counts("SHALL and SHALL NOT of the service", of_ours, shown)
    yield ""


def _counts(name: str, listed: Sequence[Row], shown: Mapping[str, Sequence[Proof]]) -> str:
    proven = sum(row.id in shown for row in listed)
    reasons = sum(row.id not in shown and bool(row.reason) for row in listed)
    return f"| {name} | {len(listed)} | {proven} | {reasons} | {len(listed) - proven - reasons} |"


def _families(listed: Sequence[Row], shown: Mapping[str, Sequence[Proof]]) -> Iterator[str]:
    outside = frozenset(judged())
    for family, members in groupby(listed, key=lambda row: row.family):
        yield from (
            f"## {FAMILIES[family]}",
            "",
            "| | level | duty of | versions | requirement | source | proven by |",
            "|---|---|---|---|---|---|---|",
        )
        for row in members:
            cells = (
                row.id + (" ◆" if row.id in outside else ""),
                row.level,
                row.actor,
                row.version.replace(" ", ", ") or "–",
                _cell(row.text),
                _cell(row.source),
                "<br>".join(map(_link, shown[row.id])) if row.id in shown else f"*Does not apply:* {_cell(row.reason)}",
            )
            yield f"| {' | '.join(cells)} |"
        yield ""


def _link(proof: Proof) -> str:
    short = proof.file.removeprefix("tests/")
    return f"[{short} › {proof.name.removeprefix('test_').replace('_', ' ')}](../{proof.file})" + " *late*" * proof.late


def _cell(text: str) -> str:
    """Text that stays in its cell; templates and addresses are no markup."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write page and copy, or with ``--check`` say what is stale and hand back 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when something is stale")
    made = {SHIPPED: shipped(), PAGE: page(rows(), proofs())}
    stale = [file for file, text in made.items() if not file.exists() or file.read_text("utf-8") != text]
    if parser.parse_args(arguments).check:
        for file in stale:
            sys.stderr.write(f"{file.name} is stale: run make conformance\n")
        return 1 if stale else 0
    for file in stale:
        file.write_text(made[file], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

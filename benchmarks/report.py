"""The results as a person reads them: a table on the terminal, and the marked places of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.stage_map import MEANING

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
CHARTS = ROOT / "docs" / "performance"
_WORDS = {"met": "met", "missed": "**missed**", "told": "-", "not shown": "not shown"}
GROUPS = {
    "order": "One caller, many callers and the peer",
    "kept": "With login, store and audit",
    "sizes": "Large records",
    "pull": "Reading from the client's FHIR server",
    "crowd": "Crowds",
    "process": "Start, knowledge, memory",
    "cohort": "Silent mode",
    "bulk": "Silent mode on an input larger than memory",
}


def terminal(results: Mapping[str, Any]) -> str:
    """All rows as text, one block each."""
    lines = []
    for group in (name for name in GROUPS if name in results["groups"]):
        lines.append(f"\n{GROUPS[group]}")
        for row in results["groups"][group]["rows"]:
            lines.append(f"  [{row['met']:>9}] {row['work']}")
            against = f" against {row['against']}" if row["against"] != "-" else ""
            lines.append(f"{'':14}target: {row['target']}{against}")
            lines.append(f"{'':14}measured: {row['measured']}")
            if row["note"]:
                lines.append(f"{'':14}{row['note']}")
    return "\n".join(lines)


def table(results: Mapping[str, Any]) -> str:
    """The rows in Markdown, a table for each group."""
    parts = []
    for group in (name for name in GROUPS if name in results["groups"]):
        rows = results["groups"][group]["rows"]
        parts.append(f"### {GROUPS[group]}\n")
        parts.append("| work | against | target | measured | |\n|---|---|---|---|---|")
        for row in rows:
            note = f" ({row['note']})" if row["note"] else ""
            cells = (row["work"], row["against"], row["target"], row["measured"] + note, _WORDS[row["met"]])
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts).strip()


def conditions(results: Mapping[str, Any]) -> str:
    """On what, and how, the figures were taken."""
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    groups = results["groups"]
    loads = [groups[name]["load_before"] for name in GROUPS if name in groups]
    lines = [
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, {machine['system']}, "
        f"{machine['python']}; {libraries}. Engine {results['engine']}, knowledge {results['knowledge']}.",
    ]
    if loads:
        lines.append(f"Load average before each group: {min(loads):.1f} to {max(loads):.1f}.")
    if results["preliminary"]:
        lines.append(f"**Preliminary: {results['preliminary']}.**")
    return "\n".join(lines)


def stages(results: Mapping[str, Any]) -> str:
    """CPU by stage, and the functions that take most of it."""
    profiles = results["stages"]
    parts = ["| stage | what it does | " + " | ".join(f"{one['corpus']}, ms" for one in profiles) + " |"]
    parts.append("|---|---|" + "---:|" * len(profiles))
    for stage, meaning in MEANING.items():
        taken = " | ".join(f"{one['stages'][stage]:.2f}" for one in profiles)
        parts.append(f"| {stage} | {meaning} | {taken} |")
    whole = " | ".join(f"**{one['whole']:.2f}**" for one in profiles)
    floor = " | ".join(f"{one['floor']:.2f}" for one in profiles)
    parts += [f"| all | | {whole} |", f"| (decoding the body alone) | | {floor} |", ""]
    parts.append(f"The functions that take most of `{profiles[0]['corpus']}` themselves:\n")
    parts.append("| ms | stage | function |\n|---:|---|---|")
    for stage, name, taken in profiles[0]["functions"]:
        parts.append(f"| {taken:.2f} | {stage} | `{name}` |")
    return "\n".join(parts)


def missed(results: Mapping[str, Any]) -> list[str]:
    """The works whose target was missed."""
    return [
        f"{row['work']}: {row['measured']} (target: {row['target']})"
        for group in results["groups"].values()
        for row in group["rows"]
        if row["met"] == "missed"
    ]


def write_page(results: Mapping[str, Any]) -> None:
    """Fill the marked places of the page. ValueError when one of them is not there."""
    text = PAGE.read_text(encoding="utf-8")
    for place, filled in (
        ("conditions", conditions(results)),
        ("table", table(results)),
        ("stages", stages(results) if results["stages"] else "Not taken in this run."),
    ):
        text = filled_in(text, place, filled)
    PAGE.write_text(text, encoding="utf-8")


def filled_in(text: str, place: str, filled: str) -> str:
    """`text` with what stands between the marks of `place` replaced."""
    begin, end = f"<!-- {place}: written by make bench -->", f"<!-- {place}: end -->"
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ValueError(f"the page has no place for {place}")
    return found.sub(lambda _: f"{begin}\n{filled}\n{end}", text)

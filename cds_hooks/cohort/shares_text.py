"""The report on a cohort as plain text, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cds_hooks.cohort.shares import ANSWERS, VALUES

_WORDS = {"resistant": "resistant", "notResistant": "not", "cannotTell": "cannot tell"}


def text_of(report: Mapping[str, Any]) -> str:
    """The report for people to read; the numbers are those of the document."""
    parts = [
        f"{report['patients']} patients judged on {report['asOf']}",
        report["caveat"],
        _titled("Verdicts by definition", _verdicts(report["verdicts"])),
        _titled("Published rules on the same exposures, beside the share published for them", _rules(report)),
        _titled(f"What would settle a patient under {report['definition']}", _settling(report["wouldSettle"])),
    ]
    if report["simulatedTruth"] is not None:
        parts.append(_titled("Verdict where the simulation says", _truth(report["simulatedTruth"])))
    return "\n\n".join(parts)


def _titled(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, "-" * len(title), *lines])


def _verdicts(verdicts: Mapping[str, Any]) -> list[str]:
    rows = [["definition", *VALUES]]
    for name, parts in verdicts.items():
        unbuilt = parts.get("notBuilt")
        cells = [_percent(parts[value]) for value in VALUES] if unbuilt is None else ["not computed yet"]
        rows.append([name, *cells, *[""] * (len(VALUES) - len(cells))])
    return _columns(rows)


def _rules(report: Mapping[str, Any]) -> list[str]:
    rows = [["rule", *_WORDS.values(), "published"]]
    for rule in report["publishedRules"]:
        found = "; ".join(
            f"{each['share']:.1%} {each['population']} ({', '.join(each['cites'])})" for each in rule["published"]
        )
        rows.append([rule["rule"], *(_percent(rule[answer]) for answer in ANSWERS.values()), found or "none found"])
    return _columns(rows)


def _settling(settle: Mapping[str, Any]) -> list[str]:
    rows = [
        ["PROBABLE or INDETERMINATE", _percent(settle["unsettled"]), "of all patients"],
        ["some single datum", _percent(settle["bySomeSingleDatum"]), "of these"],
        *([kind, _percent(part), "of these"] for kind, part in settle["byDatum"].items()),
    ]
    return _columns(rows)


def _truth(truth: Mapping[str, Any]) -> list[str]:
    rows = [["simulation", *VALUES]]
    for said in ("resistant", "notResistant"):
        rows.append([_WORDS[said], *(str(truth[said][value]["count"]) for value in VALUES)])
    return [*_columns(rows), f"patients without truth: {truth['patientsWithoutTruth']}"]


def _percent(part: Mapping[str, Any]) -> str:
    return "none" if part["share"] is None else f"{part['share']:.1%}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

"""Which case exercises which safety rule: the table in docs/safety-cases.md.

`python -m tests.safety_cases.table` writes the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from mappings.load import Knowledge, load
from tests.safety_cases.cases import KINDS, Case, cases

PAGE = Path(__file__).parents[2] / "docs" / "safety-cases.md"
MADE = "<!-- Made by `make safety-cases` from mappings/ and tests/safety_cases; do not edit. -->"


def labels(knowledge: Knowledge) -> dict[str, str]:
    """Every rule and check by its id, in the order shown."""
    checks = knowledge.clinical.order_checks
    named = (checks.option_allergy, checks.order_allergy, checks.duplicate)
    return {
        **{rule.id: rule.label for rule in knowledge.clinical.safety.values()},
        **{check.id: check.label for check in named},
    }


def page(rules: Mapping[str, str], told: Sequence[Case]) -> str:
    """The page: for each rule its cases, by kind; a kind without a case is shown as none."""
    by_kind: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in told:
        by_kind[case.rule, case.kind].append(case)
    full = sum(all(by_kind.get((rule, kind)) for kind in KINDS) for rule in rules)
    lines = [
        MADE,
        "",
        "# Safety rules and the cases that exercise them",
        "",
        f"{len(rules)} rules, {full} of them with a case of every kind, {len(told)} cases. Each case is a story "
        "written as FHIR and judged on its day 400: a *trigger*, in which the rule speaks, a *near miss*, in which it "
        "must not, and a *wrong time*, in which the same finding is too old, over, or not there yet. Not reviewed by a "
        "clinician.",
        "",
        "| rule | about | trigger | near miss | wrong time |",
        "|---|---|---|---|---|",
    ]
    for rule, label in rules.items():
        shown = ["<br>".join(_told(case) for case in by_kind.get((rule, kind), ())) or "**none**" for kind in KINDS]
        lines.append(f"| `{rule}` | {label} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _told(case: Case) -> str:
    """The case and what its rule says."""
    words = [word for word in ("block", "caution", "needed") if case.options(word)]
    said = [f"{word} {' '.join(sorted(case.options(word)))}" for word in words]
    said += ["warning"] if case.said.get("warning") else []
    said += [f"stop {stop}" for stop in sorted(case.stops)]
    return f"{case.said['id']}: {', '.join(said)}" if said else str(case.said["id"])


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    parser = argparse.ArgumentParser(description="The table of safety rules and cases in docs/safety-cases.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    made = page(labels(load()), list(cases()))
    if not parser.parse_args(arguments).check:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("docs/safety-cases.md is stale: run make safety-cases\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())

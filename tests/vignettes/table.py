"""Which vignette exercises which row of the rules: the table in docs/rules.md.

The rules themselves are knowledge (`mappings/rules.yaml`); their rows, one for each line or cell of the rules' tables,
are the files under `rules/` here; vignettes name rows under `rules:`. `python -m tests.vignettes.table` writes
the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mappings.load import load
from mappings.rule_schema import Rule
from mappings.strict_yaml import read_yaml

# The parser written in C reads the same YAML several times faster; not every build of the library has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "rules.md"
MADE = "<!-- Made by `make rules` from mappings/rules.yaml and tests/vignettes; do not edit. -->"


def files() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file of vignettes by its name, ``folder/file``."""
    for path in sorted(FOLDER.glob("*/*.yaml")):
        if path.parent.name != "rules":
            yield f"{path.parent.name}/{path.stem}", yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a SafeLoader


def rows() -> dict[str, str]:
    """Every row's sentence by its id, in the order written; the part before the first dot is the id of its rule."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / "rules").glob("*.yaml")):
        for row, says in read_yaml(path, path.name)["rows"].items():
            if row in found:
                raise ValueError(f"{path.name}: row {row} is given twice")
            found[row] = says
    return found


def exercised() -> dict[str, list[str]]:
    """For each row the vignettes that name it, as ``folder/file:id``."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, file in files():
        for case in file["vignettes"]:
            for row in dict.fromkeys((*file.get("usual", {}).get("rules", []), *case.get("rules", []))):
                found[row].append(f"{name}:{case['id']}")
    return found


def page(rules: Mapping[str, Rule], rows_: Mapping[str, str], by_row: Mapping[str, list[str]]) -> str:
    """The page: every rule, its rows, and under each row the vignettes that exercise it."""
    cases = {case for row in rows_ for case in by_row.get(row, ())}
    told = sum(1 for row in rows_ if by_row.get(row))
    lines = [
        MADE,
        "",
        "# The rules and the vignettes that exercise them",
        "",
        f"{len(rules)} rules, {len(rows_)} rows, {told} of them exercised by {len(cases)} vignettes. A reason in an "
        "assessment names its rule by the id given here. Not reviewed by a clinician.",
    ]
    for rule in rules.values():
        raised = "" if rule.raised else f" *Never named by a reason: {rule.why_not}.*"
        lines += ["", f"## {rule.id}: {rule.title}", "", f"{rule.says}{raised} ({', '.join(rule.cites)})"]
        own = [row for row in rows_ if row.partition(".")[0] == rule.id]
        if own:
            lines += ["", "| row | says | vignettes |", "|---|---|---|"]
        for row in own:
            shown = "<br>".join(f"`{case}`" for case in by_row.get(row, ())) or "**none**"
            lines.append(f"| `{row}` | {rows_[row]} | {shown} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    parser = argparse.ArgumentParser(description="The table of rules and vignettes in docs/rules.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    made = page(load().rules, rows(), exercised())
    if not parser.parse_args(arguments).check:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("docs/rules.md is stale: run make rules\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())

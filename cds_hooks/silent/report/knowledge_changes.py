"""What changed in the knowledge between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.run_reading import Run
from mappings.comparison import compare
from mappings.load import Knowledge

_SHOWN_CHANGES = 500


def knowledge_changes(before: Run, after: Run, knowledge: tuple[Knowledge, Knowledge] | None) -> dict[str, Any]:
    """Whether it is the same, and, where both states are given, what changed.

    Raises UnusableInputError for knowledge that is not that of the runs.
    """
    same = before.knowledge.get("hash") == after.knowledge.get("hash")
    told: dict[str, Any] = {"same": same, "changes": None, "more": 0}
    if knowledge is not None:
        for run, known, option in zip((before, after), knowledge, ("before", "after"), strict=True):
            if known.content_hash != run.knowledge.get("hash"):
                raise UnusableInputError(
                    f"--knowledge-{option}", "is not the knowledge of that run", "name the directory that it ran with"
                )
        changes = [*_site_changes(*knowledge), *(change.text for change in compare(*knowledge))]
        told["changes"] = changes[:_SHOWN_CHANGES]
        told["more"] = max(0, len(changes) - _SHOWN_CHANGES)
    return told


def _site_changes(before: Knowledge, after: Knowledge) -> Iterator[str]:
    """What a site decided on one side only, rules switched off among it, with who, when and why."""
    old, new = (known.site.changes if known.site is not None else () for known in (before, after))
    for side, changes in (("before only", set(old) - set(new)), ("after only", set(new) - set(old))):
        for one in sorted(changes, key=lambda each: each.path):
            value = f"{one.before} to {one.after}" if one.before else one.after
            yield f"the site, {side}: {one.path}: {value} ({one.who}, {one.when}: {one.why})"

"""The page on the synthetic patients: docs/stories.md.

`python -m tests.stories.table` writes the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from cds_hooks.stories import Story, load_stories
from cds_hooks.stories.expected import TRAPS, ExpectedProfile
from mappings.load import load

PAGE = Path(__file__).parents[2] / "docs" / "stories.md"
MADE = "<!-- Made by `make stories` from cds_hooks/stories; do not edit. -->"
ANY_DAY = date(2026, 11, 23)  # nothing on the page depends on it
INTRODUCTION = """\
{count} invented people with depression, for the demo and for trying the service on a FHIR server. Each is a story in a
sentence, told so that its last day is today, with an ordinary chart around it: visits and clinicians, vital signs,
yearly laboratory values, other diagnoses with their drugs, immunisations. The ordinary part is drawn with a fixed seed
from [shares](../cds_hooks/stories/background/shares.yaml) and changes no conclusion; a test compares every story with
and without, and holds each against the verdict, profile, gates, cards and traps below. Weight and height add a body
mass index, which is one piece of evidence on inflammation. Nothing comes from a person, and no clinician has reviewed
the stories.

```sh
trd-cds stories list                  # every story in a sentence
trd-cds stories write DIR             # one transaction Bundle for each patient, and an index
trd-cds stories write DIR --as-of 2026-11-23 --seed 7 --patient two-failed-trials
trd-cds stories load BASE_URL         # all of them on a FHIR R4 server, by one command
```

The same day and seed give the same bytes. Ids begin with `synthetic-`; resources of the ordinary part have `-chart-` in
theirs. The drafted order is the one the demo suggests; cards are those at signing.
"""


def page(stories: Sequence[Story]) -> str:
    """The page: what to notice in each story, and which story sets which trap."""
    lines = [MADE, "", "# Synthetic patients", "", INTRODUCTION.format(count=len(stories))]
    lines += [
        "| patient | what to notice | drafted order | verdict | domain | gates | cards | traps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(story) for story in stories]
    lines += ["", "## Traps", "", "| trap | about | stories |", "|---|---|---|"]
    for trap, about in TRAPS.items():
        told = ", ".join(f"`{story.id}`" for story in stories if trap in story.expect.traps) or "**none**"
        lines.append(f"| {trap} | {about} | {told} |")
    return "\n".join(lines) + "\n"


def _row(story: Story) -> str:
    expect = story.expect
    other = [f"{value} by {id_}" for id_, value in expect.definitions.items()]
    cells = (
        f"**{story.title}**<br>`{story.patient_id}`",
        "<br>".join((f"*{story.teaching}*", *story.notice)),
        story.suggested_order["medicationCodeableConcept"]["text"],
        "<br>".join((expect.verdict, *other)),
        _profile(expect.profile),
        ", ".join(expect.gates) or "–",
        "<br>".join(expect.cards) or "none",
        "<br>".join(expect.traps) or "–",
    )
    return f"| {' | '.join(cells)} |"


def _profile(profile: ExpectedProfile) -> str:
    if not profile.domains:
        return profile.label.lower()
    beside = f"; also {', '.join(profile.secondary)}" if profile.secondary else ""
    return f"{profile.label.lower()} {' + '.join(profile.domains)}, certainty {profile.certainty}{beside}"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    parser = argparse.ArgumentParser(description="The page on the synthetic patients, docs/stories.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    made = page(load_stories(ANY_DAY, load(), background=False))
    if not parser.parse_args(arguments).check:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("docs/stories.md is stale: run make stories\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())

"""The stories as files: one transaction Bundle for each patient, and an index to read and one to process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import orjson

from cds_hooks.stories import Story, bundle_of

INDEX = "index"


def files_of(stories: Sequence[Story], *, told_on: date, seed: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file; the same stories, day and seed give the same bytes."""
    for story in stories:
        yield _file(story), orjson.dumps(bundle_of(story), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    yield f"{INDEX}.json", _index(stories, told_on=told_on, seed=seed)
    yield f"{INDEX}.md", _page(stories, told_on=told_on, seed=seed).encode()


def _file(story: Story) -> str:
    return f"{story.patient_id}.json"


def _index(stories: Sequence[Story], *, told_on: date, seed: int) -> bytes:
    listed = [
        {
            "id": story.id,
            "patient": story.patient_id,
            "file": _file(story),
            "title": story.title,
            "teaching": story.teaching,
            "notice": list(story.notice),
            "expect": story.expect.model_dump(mode="json"),
            "resources": len(story.resources),
        }
        for story in stories
    ]
    document = {"toldOn": told_on.isoformat(), "seed": seed, "stories": listed}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _page(stories: Sequence[Story], *, told_on: date, seed: int) -> str:
    lines = [
        "# Synthetic patients",
        "",
        f"{len(stories)} invented patients, told on {told_on.isoformat()}, background of seed {seed}. Each file is one "
        "transaction Bundle for a FHIR R4 server. Nothing in them comes from a person.",
    ]
    for story in stories:
        lines += ["", f"## {story.title}", "", f"[{story.patient_id}]({_file(story)}): {story.teaching}", ""]
        lines += [f"- {sentence}" for sentence in story.notice]
    return "\n".join(lines) + "\n"

"""Reference pages and editor schemas are what the knowledge files say, and leave nothing out."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mappings.describe import number, phrase, statements
from mappings.entries import entries
from mappings.file_schemas import schemas
from mappings.load import DIRECTORY, load
from mappings.reference import pages
from mappings.reference_tables import anchor
from mappings.review import low_confidence

ROOT = Path(__file__).parents[2]
KNOWLEDGE = load()
PAGES = pages(KNOWLEDGE)
SCHEMAS = schemas(KNOWLEDGE)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_committed_pages_are_current(name: str) -> None:
    committed = ROOT / "docs" / "reference" / name
    assert committed.is_file() and committed.read_text(encoding="utf-8") == PAGES[name], (
        "run `trd-cds knowledge reference --write docs/reference`"
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_committed_schemas_are_current(name: str) -> None:
    committed = ROOT / "docs" / "schema" / name
    assert committed.is_file() and committed.read_text(encoding="utf-8") == SCHEMAS[name], (
        "run `trd-cds knowledge schema --write docs/schema`"
    )


def test_no_page_is_left_over() -> None:
    assert {path.name for path in (ROOT / "docs" / "reference").glob("*.md")} == set(PAGES)
    ours = ("check", "client-registry", "probe", "smart", "system-client")
    expected = {*SCHEMAS, *(f"{name}.schema.json" for name in ours)}
    assert {path.name for path in (ROOT / "docs" / "schema").glob("*.json")} == expected


def test_every_entry_stands_on_a_page() -> None:
    together = "\n".join(PAGES.values())
    sections = set(re.findall(r'<a id="([^"]+)"', together))
    rows = set(re.findall(r"^\| (?:<[^|]*>)?`([^`]+)`", together, re.MULTILINE))
    held = entries(KNOWLEDGE)
    assert len(held) > 300
    assert not {(entry.kind, entry.id) for entry in held if anchor(entry) not in sections and entry.id not in rows}


def test_every_drug_shows_its_doses_with_sources_and_review() -> None:
    for drug in KNOWLEDGE.drugs.values():
        if drug.adequate_dose is None:
            continue
        row = next(line for line in PAGES["drugs.md"].splitlines() if line.startswith(f"| [{drug.id}]("))
        for history in (drug.adequate_dose.lenient, drug.adequate_dose.default):
            for since, value in history.values.items():
                assert f"{number(value.amount)} {history.unit} from {since}" in row
                assert all(f"[{cite}](bibliography.md#{cite})" in row for cite in value.cites)
        assert row.endswith(f"| {drug.reviewed_by} |")


def test_what_is_of_low_confidence_is_listed_to_verify() -> None:
    listed = PAGES["to-verify.md"]
    assert len(low_confidence(KNOWLEDGE)) > 10
    for entry, statement in low_confidence(KNOWLEDGE):
        assert f"| `{entry.id}` | {phrase(statement.place)} |" in listed.replace("\\|", "|")


def test_links_into_the_bibliography_lead_somewhere() -> None:
    anchors = set(re.findall(r'<a id="([^"]+)"', PAGES["bibliography.md"]))
    assert anchors == set(KNOWLEDGE.sources)
    for text in PAGES.values():
        assert set(re.findall(r"bibliography\.md#([\w-]+)", text)) <= anchors
        inside = set(re.findall(r'<a id="([^"]+)"', text))
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= inside


def test_tables_have_as_many_cells_as_headings() -> None:
    for name, text in PAGES.items():
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = len(re.findall(r"(?<!\\)\|", line))
            width = width or cells
            assert cells == width, (name, line)


def test_places_in_words() -> None:
    told = {phrase(one.place): one.text for one in statements(KNOWLEDGE.drugs["sertraline"])}
    assert told["default dose"] == "50 mg/d"
    assert told["published dose, ATHF"] == "100 mg/d"
    shared = {phrase(one.place): one.text for one in statements(KNOWLEDGE.written.definitions["TRD-6W-50"])}
    assert shared["response"] == "50 %" and shared["min days at dose"] == "42 days"


def plain(value: Any) -> Any:
    """YAML as an editor sees it: dates are text."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def schema_of(file: str) -> dict[str, Any]:
    content = KNOWLEDGE.files[file]
    words = re.findall(r"[A-Z][a-z]*", type(content).__name__.removesuffix("File"))
    name = "-".join(words).lower() if "/" in file else Path(file).stem.replace("_", "-")
    schema: dict[str, Any] = json.loads(SCHEMAS[f"{name}.schema.json"])
    return schema


@pytest.mark.parametrize("file", sorted(KNOWLEDGE.files))
def test_every_knowledge_file_satisfies_its_schema(file: str) -> None:
    written = plain(yaml.safe_load((DIRECTORY / file).read_text(encoding="utf-8")))
    validator = jsonschema.Draft202012Validator(schema_of(file))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(written)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("counting: counts", "counting: often"),
        ('code: "36437"', "code: 36437"),
        ("role:", "rolle:"),
        ("amount: 50", 'amount: "50"'),
    ],
)
def test_the_schema_of_a_drug_refuses_what_the_loader_refuses(old: str, new: str) -> None:
    text = (DIRECTORY / "drugs" / "sertraline.yaml").read_text(encoding="utf-8")
    assert old in text
    spoiled = plain(yaml.safe_load(text.replace(old, new, 1)))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema_of("drugs/sertraline.yaml")).validate(spoiled)

"""The documents say what the code does: commands, words, links, settings."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path

import pytest

from cds_hooks.__main__ import run
from cds_hooks.catalogue import SERVICES, queries
from cds_hooks.commands.serving import welcome
from cds_hooks.render import render
from cds_hooks.settings import Settings
from cds_hooks.stories import load_stories
from mappings.load import load
from plugin import assess, findings, record
from plugin.advice.policy import advise
from plugin.ingest import read_record
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES, Availability, Read
from plugin.resistance.verdict import Value
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Status

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [record, findings])
def test_every_type_of_fact_and_finding_is_in_the_glossary(module: object) -> None:
    types = [
        name
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__.startswith(getattr(module, "__name__", "?")) and not name.startswith("_")
    ]
    assert types
    for name in types:
        assert f"| `{name}` |" in GLOSSARY


@pytest.mark.parametrize("kind", [Value, Adequacy, Status])
def test_every_value_of_the_contract_is_in_the_glossary(kind: type[Enum]) -> None:
    for value in kind:
        assert f"`{value.value}`" in GLOSSARY


def test_every_type_in_the_glossary_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "plugin").rglob("*.py"))
    for name in re.findall(r"^\| `([A-Z][a-z]\w+)` \|", GLOSSARY, re.MULTILINE):
        assert re.search(rf"^class {name}\b", source, re.MULTILINE), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_exists(document: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = document.read_text(encoding="utf-8")
    for words in set(re.findall(r"trd-cds((?: (?!is\b|needs\b)[a-z-]+)+)", " ".join(_code(text)))):
        arguments = words.split()[: 2 if words.split()[0] in {"stories", "knowledge"} else 1]
        assert run([*arguments, "--help"]) == 0, words
    capfdbinary.readouterr()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_target_in_a_document_is_in_the_makefile(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z-]+)", " ".join(_code(document.read_text(encoding="utf-8"))))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_the_first_commands_of_the_readme_are_two_and_the_demo_says_the_same() -> None:
    blocks = re.findall(r"^```\n(.+?)\n```", README, re.MULTILINE | re.DOTALL)
    assert [line.split(" #")[0].strip() for line in blocks[0].splitlines()] == ["make demo", "make test"]
    assert blocks[1] in welcome("http://127.0.0.1:8000").splitlines()


def test_the_readme_shows_a_card_as_it_is_printed() -> None:
    shown = re.search(r"<!-- card.*?-->\n```markdown\n(.+?)```\n<!-- /card -->", README, re.DOTALL)
    assert shown, "paste the card that the curl line prints"
    as_of = re.search(r"^- As of (\d{2} \w{3} \d{4})", shown[1], re.MULTILINE)
    assert as_of
    day = datetime.strptime(as_of[1], "%d %b %Y").replace(tzinfo=UTC).date()
    assert shown[1].strip() == _demo_card(day).strip()


def _demo_card(today: date) -> str:
    """The card of the demo's first patient on `today`, laid out as in the README."""
    knowledge = load()
    story = load_stories(today, knowledge)[0]
    kinds = [*(kind.resource_type for kind in queries(knowledge)), LABORATORY, OUTCOME_SCALES, OTHER_SCALES]
    availability = {kind: Availability(read=Read.COMPLETE) for kind in kinds}
    record = read_record(story.resources, knowledge=knowledge, availability=availability)
    drafts = advise(assess(record, knowledge=knowledge, as_of=today), hook="order-sign", knowledge=knowledge)
    card = render(drafts, knowledge=knowledge, base_url="http://127.0.0.1:8000", demo=True)[0].card
    return f"**{card.summary}**\n\n{card.detail}\n"


def test_every_setting_and_service_is_explained_to_integrators() -> None:
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    for field in Settings.model_fields:
        if field not in {"open_mode", "fhir_servers"}:  # for the demo only
            assert f"TRD_CDS_{field.upper()}" in text
    for service in SERVICES:
        assert f"/cds-services/{service}" in text


def test_the_intended_use_says_the_three_sentences() -> None:
    text = (ROOT / "docs" / "intended-use.md").read_text(encoding="utf-8")
    assert "Not clinically validated. Not a diagnosis. The absence of a card is not reassurance." in text
    for words in ("Who it is for", "Which patients", "does not do", "bipolar", "18 years"):
        assert words in text


def _code(text: str) -> list[str]:
    return [*re.findall(r"```\w*\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)]


def test_the_site_overlay_of_the_documentation_loads(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "site-overlay.md").read_text(encoding="utf-8")
    files = re.findall(r"```yaml\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert len(files) == 5
    for name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    knowledge = load(site=tmp_path)
    assert knowledge.site is not None
    assert knowledge.definitions["TRD-6W-50"].min_days_at_dose == 56
    assert not knowledge.is_on("tried-too-low-or-short")

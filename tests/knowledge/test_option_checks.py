"""Options and strategies: what contradicts itself or names what is not there stops the start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mappings.load import DIRECTORY, KnowledgeError, load
from mappings.rule_names import order_switch, rule_names
from tests.knowledge.spoiling import edit

KNOWLEDGE = load()
OPTIONS = KNOWLEDGE.clinical.options


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    target = tmp_path / "mappings"
    linked = {"options", "strategies.yaml"}

    def kept(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name.endswith(".py") or name == "__pycache__" or name in linked}

    shutil.copytree(DIRECTORY, target, ignore=kept, copy_function=os.symlink)
    shutil.copytree(DIRECTORY / "options", target / "options")
    shutil.copy(DIRECTORY / "strategies.yaml", target)
    return target


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("options/BUP.yaml", "drug: bupropion, codes", "drug: bupropiom, codes", "drug"),
        ("options/BUP.yaml", "while_taking: [dextro", "while_taking: [dextra", "drug"),
        ("options/ECT.yaml", "procedure: ect", "procedure: etc", "procedure kind"),
        ("options/ECT.yaml", "procedure: ect", "drug: lithium", "a service has no drug"),
        ("options/MIR.yaml", "action: medication-order", "action: information", "orders and action"),
        ("options/MIN.yaml", "action: information", "action: referral", "orders and action"),
        ("options/DXB.yaml", 'code: "2611260"}], cites', 'code: "2611266"}], cites', "still to be verified"),
        ("options/MIR.yaml", 'code: "311725"}', 'code: "311725", confidence: medium}', "high confidence"),
        ("strategies.yaml", "matched-lane-from:", "matching-lane-from:", "parameters"),
        ("strategies.yaml", "drugs: [duloxetine]", "drugs: [duloxetin]", "drug"),
        ("strategies.yaml", "classes: [SSRI]", "classes: [SRI]", "drug class"),
        ("strategies.yaml", "drugs: [duloxetine]", "drugs: []", "no drug and no class"),
        ("strategies.yaml", "  - [ECT]", "  - [EKT]", "option"),
        ("strategies.yaml", "therapy: LGT", "therapy: LIGHT", "option"),
        ("strategies.yaml", "beside: [SNRI]", "beside: [SSRI]", "option"),
        ("strategies.yaml", "against: [ESK, KET]", "against: [ESK, KETA]", "option"),
        ("strategies.yaml", "us: [rxnorm,", "us: [rxnormal,", "code system"),
    ],
)
def test_contradictions_are_refused(copy: Path, file: str, old: str, new: str, says: str) -> None:
    edit(copy, file, old, new)
    with pytest.raises(KnowledgeError) as caught:
        load(copy)
    assert caught.value.file == file
    assert says in f"{caught.value.place} {caught.value.problem}"
    assert caught.value.remedy


def test_the_copy_itself_is_accepted(copy: Path) -> None:
    assert load(copy).clinical.strategies == KNOWLEDGE.clinical.strategies


def test_every_option_can_be_ordered_or_is_information() -> None:
    for option in OPTIONS.values():
        assert bool(option.orders) == (option.action != "information" or option.id == "PPX")


def test_every_order_of_an_option_has_a_switch() -> None:
    rules = rule_names(KNOWLEDGE.sentences, KNOWLEDGE.clinical)
    assert all(rules[order_switch(id_)] is False for id_ in OPTIONS)


def test_places_and_circumstances_as_published() -> None:
    """What sorts first, what pain and suicidality let in, what is appended, what is for everybody, page only."""

    def marked(name: str) -> dict[str, object]:
        return {id_: getattr(one, name) for id_, one in OPTIONS.items() if getattr(one, name)}

    assert marked("sorts_first_when") == {
        "ESK": ("suicidality-high",),
        "ECT": ("suicidality-high", "psychosis", "catatonia"),
        "APC": ("psychosis",),
    }
    assert marked("enters_matched_when") == {
        "ESK": ("suicidality-high",),
        "ECT": ("suicidality-high",),
        "SNRI": ("pain",),
        "TCA": ("pain",),
    }
    assert set(marked("unconditional")) == {"PSYT"}
    assert set(marked("page_only")) == {"MIN", "CEL", "OM3"}
    asked = {id_: one.eligibility for id_, one in OPTIONS.items() if one.eligibility is not None}
    day = KNOWLEDGE.clinical.strategies.last_reviewed
    places = {id_: e.appended_place.on(day).amount for id_, e in asked.items() if e.appended_place is not None}
    assert places == {"VNS": 1, "T3": 2, "MAOI": 3}
    needed = {id_: e.failed_trials.on(day).amount for id_, e in asked.items()}
    assert needed == {"ESK": 2, "KET": 2, "TMS": 2, "SAINT": 2, "ECT": 3, "VNS": 4, "T3": 4, "MAOI": 4}
    assert {id_ for id_, e in asked.items() if e.hidden_when_mild} == {"ESK", "KET", "TMS", "SAINT", "ECT", "VNS"}

"""The catalogue of rules: stable ids, one sentence each, and silent rules say where they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.load import load
from mappings.rule_schema import Rules
from mappings.strict_yaml import KnowledgeError, read_model

RULE = '{id: E1, title: "Title", says: "Sentence.", cites: [trd-cds-rules]%s}'
REVIEW = "last_reviewed: 2026-11-22\nreview_by: 2027-11-22\n"


def read(tmp_path: Path, *rules: str) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n" + "".join(f"  - {rule}\n" for rule in rules) + REVIEW, encoding="utf-8")
    return read_model(path, "rules.yaml", Rules)


def test_the_catalogue_is_read_in_the_order_in_which_rules_act() -> None:
    rules = load().rules
    assert next(iter(rules)) == "E1"
    assert all(rule.id == id_ and rule.says.endswith(".") for id_, rule in rules.items())


def test_a_silent_rule_says_where_it_shows(tmp_path: Path) -> None:
    [rule] = read(tmp_path, RULE % ', raised: false, why_not: "it shows in the days"').rules
    assert not rule.raised


@pytest.mark.parametrize("more", [", raised: false", ', why_not: "it shows in the days"'])
def test_why_not_is_said_exactly_where_a_rule_is_silent(tmp_path: Path, more: str) -> None:
    with pytest.raises(KnowledgeError, match="give why_not to a rule that no reason names"):
        read(tmp_path, RULE % more)


def test_an_id_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="an id of its own"):
        read(tmp_path, RULE % "", RULE % "")


def test_an_id_is_a_letter_and_a_number(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"rules\.0\.id"):
        read(tmp_path, RULE.replace("E1", "too-short") % "")

"""`trd-cds knowledge sensitivity` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

FEW = ("knowledge", "sensitivity", "--patients", "3", "--as-of", "2026-11-22")


def test_the_table_says_what_was_moved_and_how_often_the_label_changed(trd: Callable[..., Any]) -> None:
    result = trd(*FEW)
    assert result.status == 0
    first, how, head, *rows = result.out.splitlines()
    assert first.startswith("3 invented records (seed 1): ")
    assert "moved by 20 %" in how
    assert head.split() == ["label", "domains", "certainty", "of", "what", "was", "moved"]
    changed = [int(row.split()[0]) for row in rows]
    assert changed == sorted(changed, reverse=True)
    assert any("weight of shaps in family A1 (ANH): 1 to 0.8" in row for row in rows)
    assert any("anchor of gad7 for evidence 0.5 (ANX): 10 to 12" in row for row in rows)
    assert result.err == ""


def test_json_holds_the_same_rows(trd: Callable[..., Any]) -> None:
    result = trd(*FEW, "--by", "10", "--seed", "2", "--format", "json")
    document = json.loads(result.out)
    assert (document["patients"], document["seed"], document["by"], document["asOf"]) == (3, 2, 10, "2026-11-22")
    assert sum(document["labels"].values()) == 3
    assert {effect["kind"] for effect in document["effects"]} == {"weight", "anchor"}
    assert all(effect["labelChanged"] <= effect["concerned"] <= 3 for effect in document["effects"])


def test_no_move_is_refused(trd: Callable[..., Any]) -> None:
    assert trd(*FEW, "--by", "0").status == 2

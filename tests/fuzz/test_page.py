"""docs/fuzzing.md shows the results on file."""

from __future__ import annotations

import json

from tests.fuzz.page import FOUND, PAGE, RESULTS, main, page


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(json.loads(RESULTS.read_text(encoding="utf-8"))), "run make fuzz"
    assert main(["--check"]) == 0


def test_the_run_on_file_was_whole_and_found_nothing() -> None:
    told = json.loads(RESULTS.read_text(encoding="utf-8"))
    inputs = {one["name"]: one["inputs"] for one in told["targets"]}
    assert told["ended"]
    assert told["findings"] == []
    assert told["memory"]["bounded"]
    assert told["inputs"] == sum(inputs.values()) >= 1_000_000
    whole_calls = ("hooks", "pulling", "signed", "hooks, grammar", "addresses, by OpenAPI")
    assert sum(inputs[name] for name in whole_calls) >= 50_000
    assert inputs["records"] >= 200_000
    assert FOUND.exists()

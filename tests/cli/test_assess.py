"""`trd-cds assess`: the forms of input, the form of output, and every way of being refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import AS_OF, Spoken, record, written

Trd = Callable[..., Spoken]


def test_a_bundle_gives_the_document(trd: Trd, bundle: Path) -> None:
    spoken = trd("assess", bundle, "--as-of", AS_OF)
    assert (spoken.status, spoken.err) == (0, "")
    document = spoken.document()
    assert document["contract"] == "1"
    assert document["asOf"] == AS_OF
    assert document["patient"]["reference"] == "Patient/p1"
    assert [trial["ingredient"] for trial in document["trials"]] == ["sertraline"]
    assert document["trials"][0]["outcome"]["status"] == "FAILED_MEASURED"
    assert list(document)[:4] == ["contract", "asOf", "engine", "patient"]
    assert spoken.out.startswith('{\n  "contract"')
    assert spoken.out.endswith("}\n")


@pytest.mark.parametrize("form", ["array", "ndjson", "searchset", "stdin"])
def test_all_forms_give_the_same_document(
    form: str, trd: Trd, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trd("assess", bundle, "--as-of", AS_OF).out
    file = tmp_path / form
    if form == "array":
        written(file, record())
    elif form == "ndjson":
        file.write_text("\n".join(json.dumps(one) for one in record()) + "\n\n", encoding="utf-8")
    elif form == "searchset":
        searched = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in record()]}
        file.write_bytes(b"\xef\xbb\xbf" + json.dumps(searched).encode())
    else:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bundle.read_bytes())))
        file = Path("-")
    spoken = trd("assess", file, "--as-of", AS_OF)
    assert spoken.status == 0
    assert spoken.out == expected


def test_text_is_the_explanation(trd: Trd, bundle: Path) -> None:
    spoken = trd("assess", bundle, "--as-of", AS_OF, "--format", "text")
    assert spoken.status == 0
    assert "sertraline" in spoken.out.lower()
    assert not spoken.out.startswith("{")


def test_today_is_the_default(trd: Trd, bundle: Path) -> None:
    assert trd("assess", bundle).document()["asOf"] > AS_OF


def test_another_definition_decides(trd: Trd, bundle: Path) -> None:
    document = trd("assess", bundle, "--as-of", AS_OF, "--definition", "ATHF4W").document()
    assert document["engine"]["definition"] == "ATHF4W"


def test_a_drafted_order_is_judged(trd: Trd, bundle: Path, order: Path) -> None:
    judged = trd("assess", bundle, "--as-of", AS_OF, "--order", order).document()["orders"]
    assert [one["ingredient"] for one in judged] == ["sertraline"]
    assert judged[0]["findings"]


def test_two_patients_are_refused_until_one_is_named(trd: Trd, tmp_path: Path) -> None:
    both = written(tmp_path / "both.json", [*record("p1"), *record("p2")])
    refused = trd("assess", both, "--as-of", AS_OF)
    assert (refused.status, refused.out) == (2, "")
    assert "both.json" in refused.err
    assert "2 patients" in refused.err
    assert "--patient" in refused.err
    named = trd("assess", both, "--as-of", AS_OF, "--patient", "p2").document()
    assert named["patient"]["reference"] == "Patient/p2"
    assert len(named["trials"]) == 1
    assert trd("assess", both, "--patient", "p3").status == 2


REFUSALS = {
    "missing file": (["assess", "no-such-file.json"], ["no-such-file.json", "does not exist"]),
    "folder": (["assess", "FOLDER"], ["folder"]),
    "empty": (["assess", "EMPTY"], ["empty"]),
    "broken": (["assess", "BROKEN"], ["line 2", "not JSON"]),
    "broken line": (["assess", "BROKEN_LINE"], ["line 2", "not JSON"]),
    "not UTF-8": (["assess", "LATIN"], ["byte", "UTF-8"]),
    "a number": (["assess", "NUMBER"], ["object"]),
    "bad day": (["assess", "GOOD", "--as-of", "yesterday"], ["--as-of", "YYYY-MM-DD"]),
    "bad definition": (["assess", "GOOD", "--definition", "NONE"], ["--definition", "TRD-6W-50"]),
    "bad jurisdiction": (["assess", "GOOD", "--jurisdiction", "mars"], ["--jurisdiction"]),
    "bad format": (["assess", "GOOD", "--format", "pdf"], ["--format"]),
    "site": (["assess", "GOOD", "--site", "x"], ["point to the directory that holds site.yaml"]),
    "unknown option": (["assess", "GOOD", "--colour"], ["--colour"]),
    "no file": (["assess"], ["FILE"]),
    "unknown command": (["diagnose"], ["diagnose"]),
    "bad order": (["assess", "GOOD", "--order", "BROKEN"], ["line 2"]),
    "no order": (["cards", "GOOD", "--hook", "order-sign"], ["--order"]),
    "order on patient-view": (["cards", "GOOD", "--hook", "patient-view", "--order", "GOOD"], ["--order"]),
    "unknown hook": (["cards", "GOOD", "--hook", "order-dispatch"], ["--hook"]),
    "client without registry": (
        ["cards", "GOOD", "--hook", "patient-view", "--client", "x"],
        ["TRD_CDS_REGISTRY_FILE"],
    ),
    "serve without registry": (["serve"], ["TRD_CDS_REGISTRY_FILE", "clients", "docs/integrators.md"]),
    "demo for all": (["demo", "--host", "0.0.0.0"], ["--host", "loopback"]),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_one_line_with_status_2(
    case: str, trd: Trd, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRD_CDS_REGISTRY_FILE", raising=False)
    contents = {
        "EMPTY": b" \n",
        "BROKEN": b'{"resourceType":\n "Bundle",, }',
        "BROKEN_LINE": b'{"resourceType": "Patient", "id": "secret-id"}\n{"resourceType": "Cond',
        "LATIN": '{"resourceType": "Patient", "name": [{"family": "Grün"}]}'.encode("latin-1"),
        "NUMBER": b"42",
    }
    places = {"GOOD": str(bundle), "FOLDER": str(tmp_path)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        places[name] = str(tmp_path / name)
    arguments, wanted = REFUSALS[case]
    spoken = trd(*(places.get(argument, argument) for argument in arguments))
    assert (spoken.status, spoken.out) == (2, "")
    assert spoken.err.count("\n") == 1
    assert spoken.err.startswith("trd-cds: ")
    for words in wanted:
        assert words in spoken.err
    assert "secret-id" not in spoken.err
    assert "Traceback" not in spoken.err


def test_a_setting_that_cannot_be_used_is_named(trd: Trd, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRD_CDS_TIME_ZONE", "Atlantis/Capital")
    spoken = trd("assess", bundle)
    assert spoken.status == 2
    assert "TRD_CDS_TIME_ZONE" in spoken.err
    assert "Atlantis" not in spoken.err


def test_one_bad_resource_does_not_spoil_the_file(trd: Trd, tmp_path: Path) -> None:
    odd = [{"resourceType": "Observation", "id": "odd", "code": 7, "subject": []}, {"resourceType": "Basic", "id": "b"}]
    document = trd("assess", written(tmp_path / "odd.json", [*record(), *odd]), "--as-of", AS_OF).document()
    assert {one["reference"] for one in document["setAside"]} >= {"Observation/odd", "Basic/b"}
    assert document["trials"][0]["ingredient"] == "sertraline"


def test_an_internal_fault_says_where_and_nothing_else(trd: Trd, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Patient/p1 Jane Doe")

    monkeypatch.setattr("cds_hooks.commands.assessing.assess_record", fail)
    spoken = trd("assess", bundle)
    assert (spoken.status, spoken.out) == (1, "")
    assert "RuntimeError" in spoken.err
    assert "Jane" not in spoken.err
    assert spoken.err.count("\n") == 1


def test_the_installed_command_keeps_its_streams_apart(bundle: Path) -> None:
    command = [sys.executable, "-m", "cds_hooks"]
    good = subprocess.run(  # noqa: S603 - our own module
        [*command, "assess", "-", "--as-of", AS_OF],
        input=bundle.read_bytes(),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": ""},
    )
    assert json.loads(good.stdout)["contract"] == "1"
    assert good.stderr == b""
    bad = subprocess.run(  # noqa: S603 - our own module
        [*command, "assess", "nothing-here.json"], capture_output=True, check=False
    )
    assert bad.returncode == 2
    assert bad.stdout == b""
    assert len(bad.stderr.splitlines()) == 1


def test_version_and_help(trd: Trd) -> None:
    version = trd("--version")
    assert version.status == 0
    assert version.out.startswith("trd-cds ")
    text = trd("--help")
    assert text.status == 0
    for command in ("serve", "demo", "assess", "cards", "stories", "knowledge"):
        assert command in text.out

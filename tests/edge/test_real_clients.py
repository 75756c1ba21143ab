"""Requests as real clients send them: the captures, one for each trap seen on the wire, and the shapes of one EHR.

`expected.csv` says for each body what the answer must be with the FHIR server out of reach and with an empty chart
behind it. ``none``: 200 without cards; ``unchecked``: the one card that hard stops could not all be checked, for what
the server was to give did not come; ``any``: 200, cards or not; a number: that status with an OperationOutcome.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "fixtures" / "requests"
ROWS = list(csv.DictReader((HERE / "expected.csv").read_text(encoding="utf-8").splitlines()))
IDS = [row["file"].removesuffix(".json") for row in ROWS]


def test_every_fixture_has_an_expected_answer():
    assert {row["file"] for row in ROWS} == {path.name for path in HERE.glob("*.json")}


@pytest.mark.parametrize("row", ROWS, ids=IDS)
@pytest.mark.proves(
    "RS-02", "RS-04", "TR-10", "PF-18", "HK-07", "FN-01", "FN-02", "FN-03", "FN-05", "FN-06", "FN-08", "FN-09",
    "FN-10", "FN-11", "FN-12", "FN-13", "FN-14", "FN-15", "FN-16",
)  # fmt: skip
def test_with_the_fhir_server_out_of_reach(row, clinic, making):
    judge(row["unreachable"], sent(row, clinic(making.unreachable), making))


@pytest.mark.proves("FN-01", "FN-03", "FN-04", "FN-05", "FN-07", "FN-08", "FN-10", "FN-17")
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_with_an_empty_chart_behind(row, clinic, chart, making):
    judge(row["reachable"], sent(row, clinic(), making))


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_server_that_is_not_listed_is_never_called(row, clinic, chart):
    """Where nobody may be asked, nothing that was to be had did not come."""
    expected = "none" if row["unreachable"] == "unchecked" else row["unreachable"]
    judge(expected, sent(row, clinic(fhir_servers=()), None))
    assert not chart.requests


def sent(row, service, making):
    body = json.loads((HERE / row["file"]).read_text(encoding="utf-8"))
    if making is not None and "fhirServer" in body:
        body["fhirServer"] = making.fhir  # the capture's own address stands for the clinic's
    return service.send("POST", f"/cds-services/{row['service']}", content=json.dumps(body))


def judge(expected, response):
    if expected == "feedback":
        assert (response.status_code, response.content) == (200, b"")
    elif expected == "none":
        assert response.status_code == 200
        assert response.json() == {"cards": []}
    elif expected == "unchecked":
        assert response.status_code == 200
        [card] = response.json()["cards"]
        assert card["source"]["topic"]["code"] == "orderunchecked"
        assert "laboratory values" in card["detail"]
    elif expected == "any":
        assert response.status_code == 200
        assert isinstance(response.json()["cards"], list)
    else:
        assert response.status_code == int(expected)
        assert response.json()["resourceType"] == "OperationOutcome"

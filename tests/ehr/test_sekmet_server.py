"""The second server starts, takes what it is given, answers our searches, and is gone afterwards."""

from __future__ import annotations

import httpx
import pytest

from tests.ehr.sekmet_server import MissingServiceError, running_sekmet
from tests.planted import LeakScan

PERSON = {"resourceType": "Patient", "id": "p1", "gender": "female"}
ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "id": "q1",
    "status": "completed",
    "subject": {"reference": "Patient/p1"},
}


@pytest.mark.services
def test_it_holds_what_it_was_given(leak_scan: LeakScan) -> None:
    with running_sekmet() as server, httpx.Client(base_url=server.base, trust_env=False) as http:
        with server.holding([PERSON, ANSWERS]):
            assert http.get("/Patient/p1").json()["gender"] == "female"
            assert http.get("/metadata").json()["fhirVersion"].startswith("4.0")
            everybodys = http.get("/QuestionnaireResponse?patient=nobody").json()
            assert everybodys["total"] == 1, "it can search by patient now: take the type out of _ANYBODYS"
        assert http.get("/QuestionnaireResponse").json()["total"] == 0
        assert http.get("/Patient/p1").status_code == 200
        leak_scan.look(server.said, "what sekmet printed")
        assert server.folder.is_dir()
    assert not server.folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base, trust_env=False)


def test_without_it_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingServiceError, match="make setup"), running_sekmet():
        pass

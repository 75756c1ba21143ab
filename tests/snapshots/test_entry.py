"""What an operator writes: strict, and refused in words that say how to mend it."""

from __future__ import annotations

import json

import pytest

from cds_hooks.snapshots.entry import SnapshotEntry
from cds_hooks.startable import ConfigurationError
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.registry import load_registry

GOOD = {"issuer": "https://login.example", "client_id": "trd"}


def _load(folder, snapshots, **changed):
    entry = {"id": "a", "name": "A", "issuer": "https://ehr.example", "jku": ["https://ehr.example/jwks"], **changed}
    file = folder / "clients.yaml"
    file.write_text(json.dumps({"clients": [{**entry, "snapshots": snapshots}]}), encoding="utf-8")
    (client,) = load_registry(file)
    return client


def test_what_is_left_out_is_careful(tmp_path):
    client = _load(tmp_path, {"sign_in": GOOD})
    assert client.entry.snapshots == SnapshotEntry.model_validate({"minutes": 10, "sign_in": GOOD})
    assert client.entry.snapshots.sign_in.user_claim == "fhirUser" and client.sign_in is not None


WRONG = {
    "no time at all": ({"minutes": 0, "sign_in": GOOD}, "snapshots.minutes", "greater than or equal to 1"),
    "too long": ({"minutes": 16, "sign_in": GOOD}, "snapshots.minutes", "less than or equal to 15"),
    "no sign-in": ({"minutes": 5}, "snapshots.sign_in", "required"),
    "unknown key": ({"sign_in": GOOD, "hours": 1}, "snapshots.hours", "Extra"),
    "plain http": ({"sign_in": {**GOOD, "issuer": "http://login.example"}}, "sign_in.issuer", "https"),
    "no openid": ({"sign_in": {**GOOD, "scopes": ["profile"]}}, "sign_in.scopes", "openid"),
    "no secret": ({"sign_in": {**GOOD, "authentication": "client_secret_basic"}}, "sign_in", "secret_file"),
    "prefix of a patient": (
        {"sign_in": {**GOOD, "user_claim": "e", "user_prefix": "Patient/"}},
        "user_prefix",
        "match",
    ),
    "users of a patient": ({"sign_in": {**GOOD, "user_claim": "e", "users": {"E": "Patient/1"}}}, "users", "match"),
    "prefix of a reference": ({"sign_in": {**GOOD, "user_prefix": "Practitioner/"}}, "sign_in", "already"),
    "no such file": (
        {"sign_in": {**GOOD, "authentication": "client_secret_basic", "secret_file": "nowhere"}},
        "sign_in",
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("snapshots", "place", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_is_refused(tmp_path, snapshots, place, told):
    with pytest.raises(RegistryError) as caught:
        _load(tmp_path, snapshots)
    assert place in caught.value.place and told in caught.value.problem + caught.value.remedy


@pytest.mark.parametrize("changed", [{"smart_app": True}, {"links": False}])
def test_only_for_clients_that_need_it_and_show_it(tmp_path, changed):
    with pytest.raises(RegistryError, match=r"smart_app away|shows no links"):
        _load(tmp_path, {"sign_in": GOOD}, **changed)


def test_not_over_plain_http(site):
    with pytest.raises(ConfigurationError, match="TRD_CDS_BASE_URL"):
        site(base="http://cds.example")

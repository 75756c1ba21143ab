"""The client registry: strict, and every refusal names file, place and remedy."""

from __future__ import annotations

import json

import pytest

from cds_hooks.app import ConfigurationError, create_app
from cds_hooks.clock import FixedClock
from cds_hooks.registry import RegistryError, load_registry
from cds_hooks.settings import Settings


def test_a_good_registry(keyring):
    (client,) = keyring.registry(time_zone="America/Chicago", jurisdiction="eu", selection_behavior="any")
    assert client.entry.time_zone == "America/Chicago"
    assert client.entry.algorithms == ("ES384", "RS384")
    assert client.entry.replay_protection
    assert set(client.keys) == {"ec/1+=", "rsa-1"}


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"algorithms": ["none"]}, "clients[0].algorithms[0]"),
        ({"algorithms": ["HS256"]}, "clients[0].algorithms[0]"),
        ({"algorithms": []}, "clients[0].algorithms"),
        ({"fhir_servers": ["http://ehr.example/fhir"]}, "clients[0].fhir_servers"),
        ({"fhir_servers": "https://ehr.example/fhir"}, "clients[0].fhir_servers"),
        ({"time_zone": "Mars/Olympus"}, "clients[0].time_zone"),
        ({"jurisdiction": "fr"}, "clients[0].jurisdiction"),
        ({"selection_behavior": "all"}, "clients[0].selection_behavior"),
        ({"replay_protection": "no"}, "clients[0].replay_protection"),
        ({"unknown": 1}, "clients[0].unknown"),
        ({"id": "has blank"}, "clients[0].id"),
        ({"issuer": ""}, "clients[0].issuer"),
        ({"jwks_file": "absent.json"}, "clients[0].jwks_file"),
    ],
)
@pytest.mark.requirement("JW-13", "JW-14", "JW-16")
def test_a_bad_entry_is_located(keyring, changed, place):
    with pytest.raises(RegistryError) as caught:
        keyring.registry(**changed)
    assert caught.value.place == place
    assert caught.value.file == "clients.yaml"
    assert caught.value.remedy in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "clients: []", "clients: {}", "clients: [x]", "other: []", "clients: [{id: a, id: b}]", "a: [", "\tx"],
)
def test_a_bad_file_is_located(tmp_path, text):
    path = tmp_path / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert caught.value.file == "clients.yaml"


def test_an_absent_file(tmp_path):
    with pytest.raises(RegistryError):
        load_registry(tmp_path / "nothing.yaml")


def test_two_clients_need_their_own_issuer(keyring):
    path = keyring.write()
    written = json.loads(path.read_text(encoding="utf-8"))
    written["clients"].append({**written["clients"][0], "id": "second"})
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert caught.value.place == "clients[1].issuer"


def broken_keys(keyring):
    first, second = keyring.jwks()
    return {
        "no kid": [{name: value for name, value in first.items() if name != "kid"}],
        "twice": [first, {**second, "kid": first["kid"]}],
        "private": [{**first, "d": "AAAA"}],
        "symmetric": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}],
        "another curve": [{**first, "crv": "P-256"}],
        "reserved": [{**first, "alg": "ES256"}],
        "short": [{**second, "n": second["n"][:170]}],
        "unusable": [{**first, "x": "!"}],
        "not an object": ["key"],
        "none": [],
    }


@pytest.mark.parametrize(
    "fault",
    [
        "no kid",
        "twice",
        "private",
        "symmetric",
        "another curve",
        "reserved",
        "short",
        "unusable",
        "not an object",
        "none",
    ],
)
def test_unfit_keys_are_refused(keyring, fault):
    path = keyring.write()
    keys = {"keys": broken_keys(keyring)[fault]}
    (path.parent / "general.jwks.json").write_text(json.dumps(keys), encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert "secret" not in str(caught.value) and "AAAA" not in str(caught.value)


def test_without_a_registry_the_service_does_not_start(knowledge, making):
    with pytest.raises(ConfigurationError, match="TRD_CDS_REGISTRY_FILE"):
        create_app(settings=Settings(), knowledge=knowledge, clock=FixedClock(making.now), registry=None)


def test_an_unknown_definition_does_not_start(knowledge, making):
    with pytest.raises(ConfigurationError, match=knowledge.default_definition):
        create_app(
            settings=Settings(open_mode=True, definition="mine"),
            knowledge=knowledge,
            clock=FixedClock(making.now),
            registry=None,
        )

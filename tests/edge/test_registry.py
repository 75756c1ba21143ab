"""The client registry: strict, and every refusal names file, place and remedy."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.settings import Settings
from cds_hooks.startable import ConfigurationError
from cds_hooks.trust.entries import ClientList, RegistryError
from cds_hooks.trust.profiles import client_profiles
from cds_hooks.trust.registry import load_registry
from mappings.file_schemas import schema_text

ROOT = Path(__file__).parents[2]


def test_a_good_registry(keyring):
    (client,) = keyring.registry(time_zone="America/Chicago", jurisdiction="eu", selection_behavior="any")
    assert client.entry.time_zone == "America/Chicago"
    assert client.entry.algorithms == ("ES384", "RS384")
    assert client.entry.replay == "refuse"
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
        ({"replay": "no"}, "clients[0].replay"),
        ({"jwks_file": None}, "clients[0]"),
        ({"jku": ["http://ehr.example/jwks"]}, "clients[0].jku"),
        ({"jku": ["https://user@ehr.example/jwks"]}, "clients[0].jku"),
        ({"jku": ["ftp://ehr.example/jwks"]}, "clients[0].jku"),
        ({"jku": "https://ehr.example/jwks"}, "clients[0].jku"),
        ({"tenants": []}, "clients[0].tenants"),
        ({"tenants": [""]}, "clients[0].tenants[0]"),
        ({"audience_forms": ["any"]}, "clients[0].audience_forms[0]"),
        ({"audience_forms": []}, "clients[0]"),
        ({"profile": "brand"}, "clients[0].profile"),
        ({"profile": 7}, "clients[0].profile"),
        ({"mode": "on"}, "clients[0].mode"),
        ({"mode": True}, "clients[0].mode"),
        ({"calls_per_minute": 0}, "clients[0].calls_per_minute"),
        ({"calls_per_minute": True}, "clients[0].calls_per_minute"),
        ({"max_body_bytes": 10}, "clients[0].max_body_bytes"),
        ({"cors_origins": ["*"]}, "clients[0].cors_origins"),
        ({"cors_origins": ["https://ehr.example/app"]}, "clients[0].cors_origins"),
        ({"unknown": 1}, "clients[0].unknown"),
        ({"id": "has blank"}, "clients[0].id"),
        ({"issuer": ""}, "clients[0].issuer"),
        ({"jwks_file": "absent.json"}, "clients[0].jwks_file"),
    ],
)
@pytest.mark.proves("JW-13", "JW-14", "JW-16")
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


def test_what_is_not_written_is_the_safe_choice(keyring):
    (client,) = keyring.registry(mode=None)
    assert client.entry.mode == "shadow"
    assert client.entry.calls_per_minute == 600
    assert client.entry.audience_forms == ("endpoint", "feedback")
    assert client.entry.jku == () and client.entry.tenants is None


def test_off_needs_no_quotes_though_yaml_reads_a_truth_value(keyring):
    path = keyring.write()
    path.write_text(
        "clients: [{id: a, name: A, issuer: 'https://a.example', jwks_file: general.jwks.json, mode: off}]",
        encoding="utf-8",
    )
    (client,) = load_registry(path)
    assert client.entry.mode == "off"


def test_keys_may_be_published_instead_of_pinned(keyring):
    address = "https://ehr.example/jwks"
    registry = keyring.registry(jwks_file=None, jku=[address, "http://127.0.0.1:9000/jwks"])
    (client,) = registry
    assert not client.keys
    assert registry.key_addresses == {address, "http://127.0.0.1:9000/jwks"}


def test_a_profile_is_overridden_by_what_is_written(keyring):
    (client,) = keyring.registry(profile="epic")
    assert client.entry.selection_behavior == client_profiles()["epic"].selection_behavior == "any"
    (client,) = keyring.registry(profile="epic", selection_behavior="at-most-one", order_intent="order")
    assert (client.entry.selection_behavior, client.entry.order_intent) == ("at-most-one", "order")


def test_only_a_test_tool_may_reuse_tokens_by_its_profile():
    assert [name for name, profile in client_profiles().items() if profile.replay == "allow"] == ["inferno"]


def test_a_client_may_not_send_more_than_the_deployment_takes(keyring):
    path = keyring.write(max_body_bytes=5_000)
    (client,) = load_registry(path, largest_body=5_000)
    assert client.entry.max_body_bytes == 5_000
    with pytest.raises(RegistryError, match="4999") as caught:
        load_registry(path, largest_body=4_999)
    assert caught.value.place == "clients[0].max_body_bytes"


def test_the_committed_schema_is_current_and_says_what_the_reader_does(keyring):
    committed = (ROOT / "docs" / "schema" / "client-registry.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text("client-registry", ClientList), "run `trd-cds knowledge schema --write docs/schema`"
    check = jsonschema.Draft202012Validator(json.loads(committed)).is_valid
    assert check(json.loads(keyring.write(tenants=["a"]).read_text(encoding="utf-8")))
    assert not check(json.loads(keyring.write(unknown=1).read_text(encoding="utf-8")))


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
        "for encryption": [{**first, "use": "enc"}],
        "for something else": [{**first, "key_ops": ["deriveKey"]}],
        "a number as operations": [{**first, "key_ops": 5}],
        "a number as modulus": [{**second, "n": 5}],
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
        "for encryption",
        "for something else",
        "a number as operations",
        "a number as modulus",
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

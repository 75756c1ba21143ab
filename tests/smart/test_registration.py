"""The file of EHRs: strict, and every refusal says what to write instead."""

from __future__ import annotations

import json

import pytest
import yaml

from cds_hooks.smart.registration import Ehr, EhrList, RegisteredEhrs, SmartFileError, load_ehrs, registered
from mappings.file_schemas import schema_text
from tests.docs.test_documents import ROOT

SECRET = {"authentication": "client_secret_basic", "secret_file": "secret"}
KEY = {"authentication": "private_key_jwt", "key_file": "key.pem", "key_id": "k", "algorithm": "ES384"}


@pytest.fixture
def loaded(files, smart):
    """The EHRs of a file with one entry."""

    def load(*more, **changed):
        entries = [smart.entry(**changed).model_dump(exclude_none=True, exclude_defaults=True), *more]
        return written(entries)

    def written(entries):
        file = files / "smart.yaml"
        file.write_text(json.dumps({"ehrs": entries}), encoding="utf-8")
        return load_ehrs(file, clients=["open", "general"])

    load.written = written
    return load


def test_what_a_file_says(loaded):
    assert [ehr.entry.id for ehr in loaded()] == ["general"]
    (secret,) = loaded(**SECRET)
    assert secret.secret == "token-canary-secret" and "canary" not in repr(secret)
    (key,) = loaded(**KEY)
    assert key.key is not None and "key" not in repr(key).split("secret_file")[0].split("RegisteredEhr")[0]


@pytest.mark.parametrize("iss", ["https://EHR.example:443/fhir/", "https://ehr.example/fhir"])
def test_an_issuer_is_found_however_it_is_spelt(loaded, iss):
    assert loaded().by_iss(iss) is not None


@pytest.mark.parametrize(
    "iss", ["https://ehr.example/FHIR", "https://ehr.example", "https://ehr.example/fhir/x", None, 5]
)
def test_and_no_other(loaded, iss):
    assert loaded().by_iss(iss) is None


WRONG = {
    "http": {"iss": "http://ehr.example/fhir"},
    "a metadata service": {"iss": "https://169.254.169.254/fhir"},
    "a secret without saying so": {"secret_file": "secret"},
    "a secret that is missing": {"authentication": "client_secret_basic"},
    "a key without its id": {**KEY, "key_id": None},
    "a key and a secret": {**KEY, "secret_file": "secret"},
    "any origin": {"frame_origins": ("*",)},
    "an origin with a path": {"frame_origins": ("https://ehr.example/x",)},
    "saving for nobody": {"identity": False},
    "an unknown kind": {"writes": ("Patient",)},
    "an unknown key": {"colour": "red"},
    "no client": {"client": ""},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_an_entry_that_cannot_be(smart, changed):
    with pytest.raises(ValueError, match=r"."):
        smart.entry(**changed)


def test_a_client_that_is_not_registered(loaded):
    with pytest.raises(SmartFileError, match=r"ehrs\[0\].client: there is no such client"):
        loaded(client="nobody")


def test_one_ehr_twice(loaded, smart):
    again = smart.entry(id="other").model_dump(exclude_none=True, exclude_defaults=True)
    with pytest.raises(SmartFileError, match="write each EHR once"):
        loaded(again)
    with pytest.raises(ValueError, match="same id or iss"):
        RegisteredEhrs([registered(smart.entry()), registered(smart.entry(iss="https://other.example/fhir"))])


def test_a_file_that_is_none(loaded, files):
    for entries in ([], [{"id": "x"}], "x"):
        with pytest.raises(SmartFileError, match=r"docs/smart\.md"):
            loaded.written(entries)


def test_a_secret_that_others_may_read(loaded, files):
    (files / "secret").chmod(0o644)
    with pytest.raises(SmartFileError, match="chmod 600"):
        loaded(**SECRET)


@pytest.mark.parametrize("content", ["", "a\nb", "é", "x" * 5_000])
def test_a_secret_that_is_none(loaded, files, content):
    (files / "secret").write_text(content, encoding="utf-8")
    with pytest.raises(SmartFileError, match="secret") as caught:
        loaded(**SECRET)
    assert not content or content not in str(caught.value)


def test_a_secret_or_key_that_is_not_there(loaded, files):
    (files / "secret").unlink()
    with pytest.raises(SmartFileError, match="secret_file"):
        loaded(**SECRET)
    with pytest.raises(SmartFileError, match="does not fit RS384"):
        loaded(**{**KEY, "algorithm": "RS384"})


def test_the_document_s_example_is_one_and_the_schema_is_current():
    text = (ROOT / "docs" / "smart.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    for one in example["ehrs"]:
        for name in ("writes", "frame_origins"):
            one[name] = tuple(one[name])
    assert len(EhrList.model_validate({"ehrs": tuple(example["ehrs"])}).ehrs) == 1
    committed = (ROOT / "docs" / "schema" / "smart.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text("smart", EhrList)


def test_the_document_names_every_outcome_that_somebody_can_mend():
    text = (ROOT / "docs" / "smart.md").read_text(encoding="utf-8")
    for outcome in ("issuer-unknown", "discovery", "no-pkce", "cookie-missing", "client-refused", "identity", "scope"):
        assert f"`{outcome}`" in text
    for key, one in Ehr.model_fields.items():
        assert f"`{key}`" in text or f"{key}:" in text, key
        assert one is not None

"""Client authentication: each kind of bad token must be refused, and a service that takes one is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from cds_hooks.checking.listening import Ehr, listening
from cds_hooks.checking.patient import invent
from cds_hooks.checking.tokens import ISSUER, KIDS, Keys, Signer, UnusableKeys
from cds_hooks.clock import SystemClock
from tests.checking.conftest import BASE, Judge
from tests.checking.faulty import Small

ROWS = {"SE-05", "JW-06", "JW-07", "JW-08", "JW-09", "JW-10", "JW-13", "JW-14", "JW-15", "BP-02"}


class Verifier:
    """Checks tokens as a service should, but for what `leaves_out` names."""

    def __init__(self, keys: Keys, *leaves_out: str) -> None:
        self.keys, self.leaves_out, self.seen = keys, leaves_out, set[str]()

    def __call__(self, token: str, path: str) -> bool:
        try:
            head = jwt.get_unverified_header(token)
            if head["alg"] in ("none", "HS256") and head["alg"] in self.leaves_out:
                return True
            if head["alg"] == "RS384" and "RS384" in self.leaves_out:
                return False
            algorithm = next(name for name, kid in KIDS.items() if kid == head["kid"] and name == head["alg"])
            claims = jwt.decode(
                token,
                self.keys.private[algorithm].public_key(),
                algorithms=[algorithm],
                audience=BASE + path,
                issuer=None if "iss" in self.leaves_out else ISSUER,
                options={
                    "verify_signature": "signature" not in self.leaves_out,
                    "verify_aud": "aud" not in self.leaves_out,
                    "verify_exp": "exp" not in self.leaves_out,
                    "verify_iat": "iat" not in self.leaves_out,
                },
            )
        except (jwt.PyJWTError, StopIteration, KeyError):
            return False
        if claims["jti"] in self.seen and "jti" not in self.leaves_out:
            return False
        self.seen.add(claims["jti"])
        return True


def test_a_service_that_checks_everything_is_clean(judged: Judge, keys: Keys) -> None:
    report = judged(Small(verify=Verifier(keys)), services=("small-order-sign",))
    assert report.login == "known"
    assert report.clean
    assert {one.id for one in report.kept} >= {*ROWS, "SE-03"}


@pytest.mark.parametrize(
    ("left_out", "requirement"),
    [
        ("signature", "SE-05"),
        pytest.param("iss", "JW-06", marks=pytest.mark.deep),
        ("aud", "JW-07"),
        pytest.param("exp", "JW-08", marks=pytest.mark.deep),
        pytest.param("iat", "JW-09", marks=pytest.mark.deep),
        ("jti", "JW-10"),
        pytest.param("none", "JW-13", marks=pytest.mark.deep),
        pytest.param("HS256", "JW-14", marks=pytest.mark.deep),
        pytest.param("RS384", "JW-15", marks=pytest.mark.deep),
    ],
)
def test_what_a_service_does_not_check_is_found(judged: Judge, keys: Keys, left_out: str, requirement: str) -> None:
    report = judged(Small(verify=Verifier(keys, left_out)), services=("small-order-sign",))
    assert requirement in {one.id for one in report.breaches}


def test_a_service_that_does_not_know_the_checker_is_not_judged(judged: Judge) -> None:
    report = judged(Small(verify=lambda token, path: False))
    assert report.login == "stranger"
    left = {one.id: one.why for one in report.not_judged}
    assert {"RS-01", "JW-08", "PF-18", "CA-02"} <= set(left)
    assert "--keys" in left["RS-01"]
    assert {"DI-01", "TK-02"} <= {one.id for one in report.kept}


def test_keys_are_made_once_and_kept_for_their_owner(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Keys.kept(tmp_path / "keys")
    assert Keys.kept(tmp_path / "keys").public() == first.public()
    modes: Callable[[str], int] = lambda name: (tmp_path / "keys" / name).stat().st_mode & 0o777  # noqa: E731
    assert modes("check-es384.pem") == modes("check-rs384.pem") == 0o600
    assert '"d"' not in (tmp_path / "keys" / "jwks.json").read_text(encoding="utf-8")
    (tmp_path / "keys" / "check-es384.pem").write_text("no key")
    with pytest.raises(UnusableKeys):
        Keys.kept(tmp_path / "keys")


def test_every_bad_token_differs_from_the_good_one_and_names_a_requirement(keys: Keys) -> None:
    signer = Signer(keys=keys, clock=SystemClock())
    bad = list(signer.bad(f"{BASE}/cds-services/x"))
    assert {row for row, _, _ in bad} == ROWS - {"JW-10", "JW-15", "BP-02"}
    assert len({token for _, _, token in bad}) == len(bad)


def test_the_key_set_is_served_and_the_fhir_server_demands_its_token(keys: Keys) -> None:
    patient = invent(SystemClock().today("UTC"))
    ehr = Ehr(patient, keys, slow_seconds=0)
    with listening(ehr, "127.0.0.1", 0, "") as origin, httpx.Client(base_url=origin, trust_env=False) as http:
        assert http.get("/jwks.json").json() == keys.public()
        ehr.begin("right", "t")
        search = f"/fhir/Condition?patient={patient.id}"
        assert http.get(search).status_code == 401
        assert http.get(search, headers={"Authorization": "Bearer t"}).json()["total"] > 0
        assert [one.authorization for one in ehr.asked] == ["", "Bearer t"]
        assert http.get("/fhir/metadata").status_code == 200

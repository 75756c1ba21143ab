"""The Helm chart: its rendered form is current, fits the service and the image, and confines both."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cds_hooks.settings import Settings
from tests.release.chart import CHART, RENDERED, VALUES, documents, head

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
EXAMPLE = yaml.safe_load(VALUES.read_text(encoding="utf-8"))


def merged(base: Any, over: Any) -> Any:
    """Values laid over others, as Helm does."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{name: merged(base.get(name), value) for name, value in over.items()}}
    return over


def of_kind(kind: str) -> dict[str, Any]:
    [found] = [one for one in documents() if one["kind"] == kind]
    return found


POD = of_kind("Deployment")["spec"]["template"]["spec"]
[SERVICE] = POD["containers"]


def test_the_rendered_chart_is_current() -> None:
    assert RENDERED.read_text(encoding="utf-8").startswith(head()), "run make chart"


def test_settings_and_addresses_are_those_of_the_service() -> None:
    named = [one["name"] for one in SERVICE["env"]]
    assert len(named) == len(set(named))
    for name in named:
        assert name.startswith("PG") or name.removeprefix("TRD_CDS_").lower() in Settings.model_fields, name
    probes = {SERVICE[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert probes == {"/health/live", "/health/ready"}
    assert SERVICE["args"][:5] == ["serve", "--host", "0.0.0.0", "--port", "8000"]
    assert of_kind("Service")["spec"]["ports"][0]["targetPort"] == SERVICE["ports"][0]["name"]


def test_calls_in_flight_have_their_time() -> None:
    drain = int(next(one["value"] for one in SERVICE["env"] if one["name"] == "TRD_CDS_DRAIN_SECONDS"))
    [pause] = re.findall(r"sleep\((\d+)\)", SERVICE["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert POD["terminationGracePeriodSeconds"] > drain + int(pause)
    assert of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_it_is_confined_as_the_image_expects() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}" in dockerfile
    assert POD["securityContext"]["runAsNonRoot"] and POD["automountServiceAccountToken"] is False
    for one in (*POD["containers"], *POD["initContainers"]):
        confined = one["securityContext"]
        assert confined["readOnlyRootFilesystem"] and not confined["allowPrivilegeEscalation"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["limits"]["memory"]
    assert of_kind("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_every_mount_has_its_volume_and_secrets_stand_in_files_of_their_owner(tmp_path: Path) -> None:
    volumes = {one["name"]: one for one in POD["volumes"]}
    mounts = [mount for one in (SERVICE, *POD["initContainers"]) for mount in one["volumeMounts"]]
    assert {one["name"] for one in mounts} == set(volumes)
    assert (
        "secret" not in volumes[next(one["name"] for one in SERVICE["volumeMounts"] if one["mountPath"] == "/secrets")]
    )
    # What the first container runs, in other folders.
    [program] = POD["initContainers"][0]["args"]
    given, kept = tmp_path / "given", tmp_path / "secrets"
    given.mkdir()
    kept.mkdir()
    for name in ("installation.key", "pgpass"):
        (given / name).write_text(name, encoding="utf-8")
        (given / name).chmod(0o440)
    program = program.replace("/given", str(given)).replace("/secrets", str(kept))
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603
    assert {(one.name, one.stat().st_mode & 0o777) for one in kept.iterdir()} == {
        ("installation.key", 0o600),
        ("pgpass", 0o600),
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"baseUrl": "http://hospital.example"},
        {"baseUrl": "https://hospital.example/trd/"},
        {"database": {"url": "postgresql://trd_cds:password@db/trd_cds"}},
        {"database": {"secret": ""}},
        {"registry": {"configMap": ""}},
        {"image": {"repository": ""}},
        {"env": {"PATH": "/opt"}},
        {"replicas": 0},
        {"anything": "else"},
    ],
    ids=str,
)
def test_values_that_cannot_be_are_refused(changed: dict[str, Any]) -> None:
    """A password in the address would stand in the pod's description; http would show tokens to the network."""
    values = merged(DEFAULTS, EXAMPLE)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert validator.is_valid(values)
    assert not validator.is_valid(merged(values, changed))

"""Dockerfile and compose file hold together: checked without an engine, on what the files say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from cds_hooks.outbound import FhirBase
from cds_hooks.settings import Settings, is_loopback

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# The keys of the Compose specification that this file has use for: a misspelt one is an error, not a comment.
KNOWN = {
    *("image", "build", "command", "entrypoint", "environment", "ports", "volumes", "depends_on", "restart"),
    *("network_mode", "read_only", "cap_drop", "security_opt", "healthcheck", "profiles", "tmpfs", "stop_grace_period"),
}
DATABASE = "database"
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def test_only_known_keys_are_used() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= KNOWN, name


def test_a_service_in_anothers_network_publishes_nothing_itself() -> None:
    for name, service in SERVICES.items():
        mode = service.get("network_mode", "")
        if mode:
            assert "ports" not in service, name
            assert mode == "none" or mode.removeprefix("service:") in SERVICES, name


def test_dependencies_exist_and_can_be_met() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                if other in OURS:
                    assert "HEALTHCHECK" in DOCKERFILE
                    assert "healthcheck" not in SERVICES[other]
                else:
                    assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"


def test_everything_published_stays_on_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def _mounts() -> dict[str, list[list[str]]]:
    return {name: [volume.split(":") for volume in service.get("volumes", [])] for name, service in SERVICES.items()}


def test_volumes_are_declared_and_secrets_stay_with_those_who_need_them() -> None:
    mounts = _mounts()
    assert {mount[0] for listed in mounts.values() for mount in listed} == set(COMPOSE["volumes"])
    holders = {volume: {name for name, listed in mounts.items() for mount in listed if mount[0] == volume}
               for volume in COMPOSE["volumes"]}  # fmt: skip
    assert holders == {
        "trust": {"keys", "trd-cds"},
        "secret": {"keys", "client"},
        "database-secret": {"secrets", DATABASE, "trd-cds"},
        "installation": {"secrets", "trd-cds"},
        "records": {DATABASE},
    }
    writers = {(name, mount[0]) for name, listed in mounts.items() for mount in listed if mount[2:] != ["ro"]}
    assert writers == {
        *(("keys", "trust"), ("keys", "secret"), ("secrets", "database-secret"), ("secrets", "installation")),
        *(("trd-cds", "installation"), (DATABASE, "records")),
    }
    ours = {mount[1] for name, listed in mounts.items() if name in OURS for mount in listed}
    for folder in ours:
        assert re.search(rf"install -d .*-o 10001 .*{folder}\b", DOCKERFILE), folder


def test_the_password_is_read_from_a_file_and_written_nowhere() -> None:
    database, service = SERVICES[DATABASE], SERVICES["trd-cds"]["environment"]
    assert "ports" not in database
    secret = next(mount[1] for mount in _mounts()[DATABASE] if mount[0] == "database-secret")
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == f"{secret}/password"
    assert service["PGPASSFILE"] == f"{secret}/pgpass"
    url = make_url(service["TRD_CDS_DATABASE_URL"])
    assert url.password is None
    assert (url.host, url.username) == (DATABASE, database["environment"]["POSTGRES_USER"])
    assert url.database == database["environment"]["POSTGRES_DB"]
    made = SERVICES["secrets"]["command"]
    assert made[made.index("--host") + 1] == url.host
    assert made[made.index("--database") + 1] == secret
    assert service["TRD_CDS_KEY_FILE"] == f"{made[made.index('--installation') + 1]}/installation.key"


def test_the_service_stops_gracefully_and_keeps_its_records_on_the_volume() -> None:
    assert re.search(r"^STOPSIGNAL SIGTERM$", DOCKERFILE, re.MULTILINE)
    service = SERVICES["trd-cds"]
    drain = int(service["environment"]["TRD_CDS_DRAIN_SECONDS"])
    assert int(service["stop_grace_period"].removesuffix("s")) > drain
    folder = re.search(r"TRD_CDS_DATA_DIR=(\S+)", DOCKERFILE)
    assert folder is not None
    assert f"VOLUME {folder[1]}" in DOCKERFILE
    assert folder[1] in {mount[1] for mount in _mounts()["trd-cds"]}
    assert service["tmpfs"] == ["/tmp"], "several workers share their metrics there"  # noqa: S108


def test_the_image_needs_no_shell_to_run_and_says_what_it_is() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    for instruction in ("ENTRYPOINT", "CMD"):
        for written in re.findall(rf"^\s*{instruction} (.*)$", last, re.MULTILINE):
            assert isinstance(json.loads(written), list), "exec form"
    assert "/health/live" in last
    for label in ("title", "description", "licenses", "documentation"):
        assert f"org.opencontainers.image.{label}=" in last
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)


def test_our_containers_are_confined() -> None:
    assert set(OURS) == {"keys", "secrets", "loader", "trd-cds", "client"}
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert "privileged" not in service
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_images_are_pinned() -> None:
    foreign = [service["image"] for service in SERVICES.values() if "build" not in service]
    foreign += [line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")]
    for image in foreign:
        tag = image.partition(":")[2]
        assert tag, image
        assert tag != "latest"


def test_settings_and_addresses_fit_the_service() -> None:
    environment = SERVICES["trd-cds"]["environment"]
    fields = {f"TRD_CDS_{field.upper()}" for field in Settings.model_fields}
    assert set(environment) - {"PGPASSFILE"} <= fields
    assert set(re.findall(r"TRD_CDS_[A-Z_]+", DOCKERFILE)) <= fields
    addresses = [word for service in OURS.values() for word in service.get("command", []) if word.startswith("http://")]
    assert addresses
    for address in [*addresses, environment["TRD_CDS_BASE_URL"]]:
        base = FhirBase.parse(address)
        assert base is not None, "http is for loopback only"
        assert is_loopback(base.host)
    called = next(word for word in SERVICES["client"]["command"] if "/cds-services/" in word)
    assert called.startswith(environment["TRD_CDS_BASE_URL"] + "/")


@pytest.mark.parametrize("copied", re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
def test_what_the_image_copies_is_there_and_not_ignored(copied: str) -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    for name in copied.split():
        assert (ROOT / name).exists(), name
        assert name in let_in, name

"""A registered CDS Hooks client in one file: makes its keys and registry entry, signs calls and reports feedback.

`keys` writes an ES384 key pair: the public half with a registry into one folder, the private half into another. It
leaves an existing pair alone. `call` drafts an order for the first demo patient, signs the request as CDS Hooks asks
and prints the service's answer; the record goes along as prefetch, or is pulled from a FHIR server with --fhir.
`feedback` reports what became of a card. Read `signed` to see what a client has to put into its token. `install` makes
a whole installation for trying the service around such a client; `secrets` a database password and installation key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shlex
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cds_hooks.catalogue import queries
from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.simulator.hook_requests import Route, hook_request, prefetched
from cds_hooks.storage.keys import read_keys
from cds_hooks.stories import Story, load_stories
from mappings.load import Knowledge, load

ALGORITHM = "ES384"
CLIENT = "demo-client"
ISSUER = "https://client.example"
KEY_FILE = "client.pem"
JWKS_FILE = "client.jwks.json"
SERVICE = "http://127.0.0.1:8000/cds-services/trd-order-sign"


def make_keys(registry: Path, secret: Path, fhir_server: str) -> None:
    """Write `registry`/registry.yaml with the public key beside it, and the private key into `secret`."""
    if (secret / KEY_FILE).exists() and (registry / "registry.yaml").exists():
        _say("keys are there already")
        return
    registry.mkdir(parents=True, exist_ok=True)
    secret.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP384R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    public |= {"kid": uuid.uuid4().hex, "alg": ALGORITHM, "use": "sig"}
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (secret / KEY_FILE).touch(mode=0o600)
    (secret / KEY_FILE).write_bytes(pem)
    (secret / "kid").write_text(public["kid"], encoding="ascii")
    (registry / JWKS_FILE).write_text(json.dumps({"keys": [public]}, indent=2), encoding="utf-8")
    (registry / "registry.yaml").write_text(
        "clients:\n"
        f"  - id: {CLIENT}\n"
        "    name: Demonstration client\n"
        f"    issuer: {ISSUER}\n"
        f"    jwks_file: {JWKS_FILE}\n"
        f"    fhir_servers: [{fhir_server}]\n",
        encoding="utf-8",
    )
    _say(f"made a key pair for {CLIENT}")


def install(folder: Path, base: str) -> None:
    """Make in `folder`, once, what `trd-cds serve` needs to answer at `base`: a client, its registry, a site overlay
    that changes nothing and accepts nothing, and `local.env` with the settings; print the next commands.
    """
    folder = folder.resolve()
    trust, secret, site = folder / "trust", folder / "client", folder / "site"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_keys(trust, secret, "http://127.0.0.1:8080/fhir")
    if not (site / "site.yaml").exists():
        site.mkdir(exist_ok=True)
        (site / "site.yaml").write_text(
            "id: local\n"
            "name: Local installation\n"
            'accepted_by: "nobody: this overlay changes nothing"\n'
            f"accepted_on: {SystemClock().today('UTC')}\n",
            encoding="utf-8",
        )
    settings = {
        "TRD_CDS_BASE_URL": base,
        "TRD_CDS_DATA_DIR": str(folder),
        "TRD_CDS_REGISTRY_FILE": str(trust / "registry.yaml"),
        "TRD_CDS_SITE": str(site),
    }
    file = folder / "local.env"
    file.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()), encoding="utf-8"
    )
    _say(NEXT.format(base=base, folder=folder, env=shlex.quote(str(file)), client=CLIENT))


NEXT = """
trd-cds as it runs in production, on embedded defaults: callers must be registered, everything starts in shadow.
Data, keys and settings are in {folder}; one local client is registered, {client}.

Next, in another terminal:
  make call                                  a signed order-sign; in shadow the answer holds no cards
  . {env}
  .venv/bin/trd-cds mode show                how the client stands, and why
  .venv/bin/trd-cds feedback report          what was composed and not shown

To go live: a person accepts this version of the knowledge, the service is started again, a switch is thrown.
  .venv/bin/trd-cds knowledge accept "$TRD_CDS_SITE" --who "Dr A. Example"
  (stop it with Ctrl-C, then: make serve)
  .venv/bin/trd-cds mode set live --client {client} --who "Dr A. Example" --why "trial"
  make call                                  now with cards
"""


def make_secrets(database: Path, installation: Path, host: str) -> None:
    """Make, once, a database password in `database` (alone, and as a pgpass file for `host`) and the installation key
    in `installation`. All are for their owner alone.
    """
    if not (database / "pgpass").exists():
        password = secrets.token_urlsafe(32)
        for name, content in (("password", password), ("pgpass", f"{host}:5432:trd_cds:trd_cds:{password}\n")):
            (database / name).touch(mode=0o600)
            (database / name).write_text(content, encoding="ascii")
    read_keys(installation / "installation.key", make=True)
    _say("password and installation key are there")


def signed(secret: Path, audience: str) -> str:
    """A token for one call: who we are, for which address, until when, and an id that is never used again."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    headers = {"kid": (secret / "kid").read_text(encoding="ascii"), "typ": "JWT"}
    return jwt.encode(claims, (secret / KEY_FILE).read_bytes(), algorithm=ALGORITHM, headers=headers)


def call(secret: Path, service: str, fhir_server: str | None) -> int:
    """Fire the hook for the first demo patient, its record as prefetch or to be pulled from `fhir_server`."""
    knowledge = load()
    story = load_stories(SystemClock().today("UTC"), knowledge)[0]
    request: dict[str, Any] = hook_request(
        hook="order-sign",
        patient_id=story.patient_id,
        draft=story.suggested_order,
        prefetch={} if fhir_server else asyncio.run(_record_of(story, knowledge)),
        fhir_server=fhir_server or "",
    )
    if fhir_server:
        # A real EHR puts its short-lived access token here; the demo's FHIR server asks for none and ignores it.
        request["fhirAuthorization"] = {
            "access_token": "demonstration",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": CLIENT,
        }
    else:
        del request["fhirServer"]  # nothing to pull from
    answer = _post(service, request, token=signed(secret, service))
    if answer is None:
        return 1
    _say(json.dumps(answer.json(), indent=2, ensure_ascii=False) if answer.content else f"status {answer.status_code}")
    if answer.is_success and not answer.json().get("cards"):
        _remark(
            "no cards: this client is in shadow or off, or the knowledge has been accepted by nobody yet; "
            "`trd-cds mode show` tells. In shadow the card was composed and counted, not sent."
        )
    return 0 if answer.is_success else 1


def feed_back(secret: Path, service: str, card: str, outcome: str) -> int:
    """Report that the clinician accepted or overrode `card`."""
    told: dict[str, Any] = {"card": card, "outcome": outcome, "outcomeTimestamp": SystemClock().now().isoformat()}
    if outcome == "accepted":
        told["acceptedSuggestions"] = []
    answer = _post(f"{service}/feedback", {"feedback": [told]}, token=signed(secret, service))
    if answer is None:
        return 1
    _say(answer.text or f"status {answer.status_code}")
    return 0 if answer.is_success else 1


async def _record_of(story: Story, knowledge: Knowledge) -> dict[str, Any]:
    """What an EHR that holds this patient puts into the prefetch templates of discovery."""
    sandbox = create_sandbox(ResourceStore(story.resources), base_url="http://sandbox")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox") as ehr:
        return await prefetched(ehr, queries(knowledge), story.patient_id, Route.PREFETCHED)


def _post(address: str, body: dict[str, Any], *, token: str) -> httpx.Response | None:
    try:
        return httpx.post(address, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    except httpx.TransportError as fault:
        _remark(f"no answer from {address} ({type(fault).__name__}): is the service running there?")
        return None


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _remark(text: str) -> None:
    sys.stderr.write(text + "\n")


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description="A registered CDS Hooks client, for trying a deployment.")
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help="make a key pair and a registry that knows it")
    keys.add_argument("--registry", type=Path, required=True, metavar="DIR")
    keys.add_argument("--secret", type=Path, required=True, metavar="DIR")
    keys.add_argument("--fhir", default="http://127.0.0.1:8080/fhir", metavar="BASE_URL")
    installing = commands.add_parser("install", help="make an installation for trying the service on this machine")
    installing.add_argument("folder", type=Path, metavar="DIR")
    installing.add_argument("--base", default="http://127.0.0.1:8000", metavar="URL", help="where it will answer")
    keeping = commands.add_parser("secrets", help="make a database password and an installation key")
    keeping.add_argument("--database", type=Path, required=True, metavar="DIR")
    keeping.add_argument("--installation", type=Path, required=True, metavar="DIR")
    keeping.add_argument("--host", required=True, metavar="H", help="name of the database server")
    calling = commands.add_parser("call", help="sign and send one order-sign")
    telling = commands.add_parser("feedback", help="report what became of a card")
    for command in (calling, telling):
        command.add_argument("--secret", type=Path, required=True, metavar="DIR")
        command.add_argument("--service", default=SERVICE, metavar="URL")
    calling.add_argument("--fhir", metavar="BASE_URL", help="pull from there; without it the record goes along")
    telling.add_argument("card", metavar="CARD_UUID")
    telling.add_argument("outcome", choices=("accepted", "overridden"))
    given = parser.parse_args()
    if given.command == "keys":
        make_keys(given.registry, given.secret, given.fhir)
        return 0
    if given.command == "install":
        install(given.folder, given.base)
        return 0
    if given.command == "secrets":
        make_secrets(given.database, given.installation, given.host)
        return 0
    if not (given.secret / KEY_FILE).exists():
        _remark(f"there is no {KEY_FILE} in {given.secret}: run `keys` first, or name its folder with --secret")
        return 2
    if given.command == "feedback":
        return feed_back(given.secret, given.service, given.card, given.outcome)
    return call(given.secret, given.service, given.fhir)


if __name__ == "__main__":
    sys.exit(main())

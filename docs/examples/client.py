"""A registered CDS Hooks client in one file: makes its keys and registry entry, and signs a call.

`keys` writes an ES384 key pair: the public half with a registry into one folder, the private half into another. It
leaves an existing pair alone. `call` drafts an order for the first demo patient, signs the request as CDS Hooks asks
and prints the service's answer. Read `signed` to see what a client has to put into its token.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cds_hooks.clock import SystemClock
from cds_hooks.stories import load_stories
from cds_hooks.web.hook_requests import hook_request
from mappings.load import load

ALGORITHM = "ES384"
CLIENT = "demo-client"
ISSUER = "https://client.example"
KEY_FILE = "client.pem"
JWKS_FILE = "client.jwks.json"


def make_keys(registry: Path, secret: Path, fhir_server: str) -> None:
    """Write `registry`/registry.yaml with the public key beside it, and the private key into `secret`."""
    if (secret / KEY_FILE).exists() and (registry / "registry.yaml").exists():
        _say("keys are there already")
        return
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


def signed(secret: Path, audience: str) -> str:
    """A token for one call: who we are, for which address, until when, and an id that is never used again."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    headers = {"kid": (secret / "kid").read_text(encoding="ascii"), "typ": "JWT"}
    return jwt.encode(claims, (secret / KEY_FILE).read_bytes(), algorithm=ALGORITHM, headers=headers)


def call(secret: Path, service: str, fhir_server: str) -> int:
    """Fire the hook for the first demo patient, everything to be pulled from `fhir_server`; 0 when cards came."""
    story = load_stories(SystemClock().today("UTC"), load())[0]
    request: dict[str, Any] = hook_request(
        hook="order-sign",
        patient_id=story.patient_id,
        draft=story.suggested_order,
        prefetch={},
        fhir_server=fhir_server,
    )
    # A real EHR puts its short-lived access token here; the demo's FHIR server asks for none and ignores it.
    request["fhirAuthorization"] = {
        "access_token": "demonstration",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": CLIENT,
    }
    answer = httpx.post(
        service, json=request, headers={"Authorization": f"Bearer {signed(secret, service)}"}, timeout=30
    )
    _say(json.dumps(answer.json(), indent=2, ensure_ascii=False) if answer.content else f"status {answer.status_code}")
    return 0 if answer.is_success else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> int:
    """Run `keys` or `call`."""
    parser = argparse.ArgumentParser(description="A registered CDS Hooks client, for trying a deployment.")
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help="make a key pair and a registry that knows it")
    keys.add_argument("--registry", type=Path, required=True, metavar="DIR")
    keys.add_argument("--secret", type=Path, required=True, metavar="DIR")
    keys.add_argument("--fhir", default="http://127.0.0.1:8080/fhir", metavar="BASE_URL")
    calling = commands.add_parser("call", help="sign and send one order-sign")
    calling.add_argument("--secret", type=Path, required=True, metavar="DIR")
    calling.add_argument("--service", required=True, metavar="URL")
    calling.add_argument("--fhir", required=True, metavar="BASE_URL")
    given = parser.parse_args()
    if given.command == "keys":
        make_keys(given.registry, given.secret, given.fhir)
        return 0
    return call(given.secret, given.service, given.fhir)


if __name__ == "__main__":
    sys.exit(main())

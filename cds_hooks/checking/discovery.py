"""Reading discovery: where it is, what it says, and which services can be called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.checking.calls import Service
from cds_hooks.checking.findings import Findings, named
from cds_hooks.checking.hooks import hooks, is_well_named
from cds_hooks.checking.judging import is_text
from cds_hooks.checking.refusals import judge_refusal
from cds_hooks.checking.strict_json import NotStrict, read_strictly
from cds_hooks.checking.target import Reply, Target
from cds_hooks.checking.templates import lint_template
from cds_hooks.checking.tokens import Signer

PATH = "/cds-services"
# Where services known to us have it instead; the address of a service follows from it.
ELSEWHERE: Mapping[str, str] = {
    "/cds/cds-discovery": "/cds/cds-services",
    "/cds-discovery": "/cds-services",
    "/cds-services/": "/cds-services",
    "/cds/cds-services": "/cds/cds-services",
    "/r4/cds-services": "/r4/cds-services",
    "/api/cds-services": "/api/cds-services",
    "/cds-hooks/cds-services": "/cds-hooks/cds-services",
    "/cds-hooks": "/cds-hooks",
}
_KNOWN = frozenset(
    {"hook", "title", "description", "id", "prefetch", "usageRequirements", "extension", "version", "hookVersion"}
)
_ID = re.compile(r"[A-Za-z0-9._~-]+")
_SENT = "GET of discovery"


@dataclass(slots=True)
class Discovered:
    """What discovery brought. `path` is where it was found, empty where it was not; `reply` the answer at the right
    place; `entries` counts what is listed.
    """

    reply: Reply
    path: str = ""
    services: list[Service] = field(default_factory=list)
    entries: int = 0


async def discover(target: Target, findings: Findings, signer: Signer) -> Discovered:
    """Read and judge discovery. Where the right place does not answer 200, the other known ones are tried."""
    reply, path = await _found(target, signer)
    right = reply if path == PATH else await _get(target, PATH)
    findings.judged("DI-01", "DI-15")
    if right.crashed or right.status != 200:
        said = right.said or f"answered {right.status}"
        found = f"; discovery is at {path}" if path else ""
        row = "DI-15" if right.status in range(201, 300) else "DI-01"
        findings.broken(row, f"{said} in place of 200{found}", where=PATH, sent=_SENT)
        judge_refusal(right, findings, sent=_SENT, service="")
    if not path:
        return Discovered(right)
    found_ = Discovered(right, path)
    listed = _listed(reply, findings)
    found_.entries = len(listed)
    ids = [(one.get("id"), one.get("hook")) for one in listed if isinstance(one, dict)]
    twice = {str(pair) for pair in ids if ids.count(pair) > 1}
    findings.need(not twice, "DI-08", "two services have the same id and hook", where="services", sent=_SENT)
    for place, one in enumerate(listed):
        service = _entry(one, f"services[{place}]", findings, ELSEWHERE.get(path, PATH))
        if service is not None and all((service.id, service.hook) != (kept.id, kept.hook) for kept in found_.services):
            found_.services.append(service)
    _share_ids(found_.services)
    await _again(target, findings, signer, path, ids)
    return found_


async def _found(target: Target, signer: Signer) -> tuple[Reply, str]:
    """Discovery and where it was found; an empty place where it was not."""
    reply = await _get(target, PATH)
    if reply.status in (401, 403):
        headers = {"Authorization": f"Bearer {signer.token(target.base + PATH)}"}
        reply = await _get(target, PATH, headers)
    if reply.status == 200 or reply.failure == "unreachable":
        return reply, PATH if reply.status == 200 else ""
    for path in ELSEWHERE:
        other = await _get(target, path)
        if other.status == 200 and b'"services"' in other.body:
            return other, path
    return reply, ""


async def _get(target: Target, path: str, headers: Mapping[str, str] | None = None) -> Reply:
    return await target.send("GET", path, headers={"Accept": "application/json", **(headers or {})})


def _listed(reply: Reply, findings: Findings) -> list[Any]:
    findings.need(reply.is_json, "TR-01", "is not application/json", where="Content-Type", sent=_SENT)
    try:
        body = read_strictly(reply.body)
    except NotStrict as fault:
        findings.need(False, "DI-03", str(fault), where="body", sent=_SENT)
        return []
    services = body.get("services") if isinstance(body, dict) else None
    if not isinstance(services, list):
        findings.need(False, "DI-03", "is no object with a list services", where="body", sent=_SENT)
        return []
    findings.judged("DI-03")
    _empties(body, "", findings)
    return services


def _entry(one: Any, where: str, findings: Findings, under: str) -> Service | None:
    about = {"sent": _SENT, "service": one["id"] if isinstance(one, dict) and _is_id(one.get("id")) else ""}
    if not findings.need(isinstance(one, dict), "DI-03", "is no object", where=where, **about):
        return None
    for member, row in (("hook", "DI-05"), ("description", "DI-07"), ("title", "DI-06"), ("id", "DI-08")):
        findings.need(is_text(one.get(member)), row, "is missing, or is no text", where=f"{where}.{member}", **about)
    if "usageRequirements" in one:
        stated = is_text(one["usageRequirements"])
        findings.need(stated, "DI-10", "is no text", where=f"{where}.usageRequirements", **about)
    if "extension" in one:
        right = isinstance(one["extension"], dict)
        findings.need(right, "EX-01", "is no object", where=f"{where}.extension", **about)
    for member in one.keys() - _KNOWN:
        findings.need(False, "CA-18", f"the attribute {named(member)} is not defined", where=where, **about)
    identifier, hook = one.get("id"), one.get("hook")
    if not is_text(identifier) or not is_text(hook):
        return None
    simple = _is_id(identifier)
    findings.need(simple, "DI-08", "is not fit for an address", where=f"{where}.id", **about)
    well = is_well_named(hook)
    findings.need(well, "HK-05", "is no published name and no reverse-domain name", where=f"{where}.hook", **about)
    if well and (known := hooks().get(hook)) and known.replaced_by:
        said = f"is deprecated in favour of {known.replaced_by}"
        findings.broken("HK-05", said, where=f"{where}.hook", severity="note", **about)
    templates = _templates(one, where, hook, findings, about["service"])
    return Service(id=identifier, hook=hook, path=f"{under}/{identifier}", templates=templates) if simple else None


def _templates(one: Mapping[str, Any], where: str, hook: str, findings: Findings, service: str) -> dict[str, str]:
    if "prefetch" not in one:
        return {}
    prefetch = one["prefetch"]
    about = {"where": f"{where}.prefetch", "sent": _SENT, "service": service}
    if not findings.need(isinstance(prefetch, dict), "DI-09", "is no object", **about):
        return {}
    kept = {}
    for key, template in prefetch.items():
        if findings.need(isinstance(template, str), "DI-09", "holds a template that is no text", **about):
            lint_template(named(key), template, hook, findings, service)
            kept[key] = template
    return kept


def _share_ids(services: list[Service]) -> None:
    """Tell each service the hooks of the others under its id: all of them may be sent to its address."""
    for place, one in enumerate(services):
        others = tuple(other.hook for other in services if other.id == one.id and other is not one)
        services[place] = Service(id=one.id, hook=one.hook, path=one.path, templates=one.templates, other_hooks=others)


async def _again(target: Target, findings: Findings, signer: Signer, path: str, ids: list[Any]) -> None:
    """Discovery once more: the same ids for the same hooks."""
    headers = {"Authorization": f"Bearer {signer.token(target.base + PATH)}"}
    for sent, more in ((_SENT + " again", {}), (_SENT + " with a token", headers)):
        reply = await _get(target, path, more)
        try:
            body = read_strictly(reply.body) if reply.status == 200 else None
        except NotStrict:
            body = None
        listed = body.get("services") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            if not more:
                findings.need(False, "DI-02", "did not answer the second time", where=path, sent=sent)
            continue
        now = [(one.get("id"), one.get("hook")) for one in listed if isinstance(one, dict)]
        same = sorted(map(str, now)) == sorted(map(str, ids))
        findings.need(same, "DI-02", "lists other services than the first time", where="services", sent=sent)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 100 and _ID.fullmatch(value) is not None


def _empties(value: Any, where: str, findings: Findings) -> None:
    findings.judged("TR-02", "TR-03")
    place = where or "body"
    if value is None:
        findings.broken("TR-02", "is null", where=place, sent=_SENT)
    elif value in ("", [], {}) and where not in ("", "services"):
        findings.broken("TR-03", "is empty", where=place, sent=_SENT)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            _empties(one, f"{where}[{number}]", findings)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name != "extension":
                _empties(one, f"{where}.{named(name)}" if where else named(name), findings)

"""The lint of prefetch templates: their tokens, and the subset of queries that clients are to support."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from fhir.resources.R4B import get_fhir_model_class

from cds_hooks.checking.findings import Findings
from cds_hooks.checking.hooks import hooks
from cds_hooks.checking.patient import TOKEN

_USER_TOKENS = frozenset({"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"})
_FIELD = re.compile(r"context\.([A-Za-z][A-Za-z0-9]*)")
_RESULT = frozenset(
    {"_include", "_revinclude", "_summary", "_elements", "_contained", "_containedType", "_filter", "_text", "_content"}
    | {"_list", "_query", "_total", "_has"}
)
_PREFIX = re.compile(r"(ne|sa|eb|ap)\d{4}")
_LONGEST = 2000
_STEPS = 2
Broken = Callable[[str, str], None]


def lint_template(key: str, template: str, hook: str, findings: Findings, service: str) -> None:
    """Judge the template under `key` of a service for `hook`. The key is not repeated where it is no plain name."""
    findings.judged("TK-01", "TK-02", "TK-03", "TK-05", "TK-03a", "QY-01", "QY-03", "QY-04", "QY-05", "QY-06")
    findings.judged("QY-10", "QY-11", "QY-12")

    def broken(name: str, problem: str) -> None:
        findings.broken(name, problem, where=f"prefetch.{key}", sent="discovery", service=service)

    if not template.strip():
        broken("DI-09", "is blank")
        return
    _tokens(template, hook, findings, broken)
    _query(TOKEN.sub("{}", template), broken)
    if len(template) > _LONGEST:
        broken("QY-10", f"is longer than {_LONGEST} characters")


def _tokens(template: str, hook: str, findings: Findings, broken: Broken) -> None:
    left = TOKEN.sub("", template)
    if "{" in left or "}" in left:
        broken("TK-01", "has a brace outside a token")
    known = hooks().get(hook)
    if known is None:
        findings.not_judged("the hook is none of the published ones", "TK-04")
    else:
        findings.judged("TK-04")
    for token in TOKEN.findall(template):
        if token in _USER_TOKENS:
            broken("TK-03a", "uses a token for a user, which CDS Hooks 1.0 does not have")
            continue
        field = _FIELD.fullmatch(token)
        if field is None:
            if token.startswith("user"):
                broken("TK-03", "has a token for a user that is none of the four")
            else:
                broken("TK-02", "has a token that is no field of the context")
        elif known is not None and field[1] not in known.tokens:
            broken("TK-04", f"uses a field that {hook} does not mark as token")
        elif known is not None and field[1] in known.optional:
            broken("TK-05", "depends on a field that may be missing")


def _query(template: str, broken: Broken) -> None:
    """`template` has ``{}`` in place of each token."""
    path, _, query = template.partition("?")
    if re.match(r"[a-z][a-z0-9+.-]*:", path) or path.startswith("/"):
        broken("QY-01", "is an absolute address")
        return
    steps = path.split("/")
    if path == "{}" and not query:
        return  # context.userId, which is Type/id
    if not _is_type(steps[0]):
        broken("QY-01", "does not begin with an R4 resource type")
    elif len(steps) > _STEPS or any(step.startswith(("$", "_")) for step in steps):
        broken("QY-01", "is an operation, a history or a search in a compartment")
    elif (len(steps) == 1) != bool(query) or (len(steps) == _STEPS and not steps[1]):
        broken("QY-01", "is neither a read of one resource nor a search of one type")
    names = []
    for pair in query.split("&") if query else []:
        name, _, value = pair.partition("=")
        names.append(name)
        _parameter(name, value, broken)
    if len(set(names)) < len(names):
        broken("QY-12", "repeats a parameter")


def _parameter(name: str, value: str, broken: Broken) -> None:
    bare, _, modifier = name.partition(":")
    if bare == "sort" or (bare == "_sort" and modifier):
        broken("QY-06", "sorts as no version of FHIR R4 does")
    elif bare in _RESULT or "." in bare:
        broken("QY-05", "uses a parameter outside the subset (inclusion, chain, or shaping of the result)")
    elif modifier and modifier != "in" and not _is_type(modifier):
        broken("QY-03", "uses a modifier other than :in")
    if any(_PREFIX.match(one) for one in value.split(",")):
        broken("QY-04", "uses a date prefix other than eq, lt, gt, ge, le")
    if "|" in unquote(value) and "|" not in value:
        broken("QY-11", "has the bar percent-encoded")


def _is_type(name: str) -> bool:
    try:
        get_fhir_model_class(name)
    except (KeyError, ValueError):
        return False
    return name[:1].isupper()

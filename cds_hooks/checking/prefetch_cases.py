"""Calls with data in every form: absent, in part, null, empty, an error, the first of several pages, another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.checking.calls import Call
from cds_hooks.checking.cases import Case, case
from cds_hooks.checking.patient import about_another

_PARTS = 6
_ERROR = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout", "diagnostics": "The search did not end in time."}],
}
_FOREIGN = {"request": {"resourceType": "Bundle", "type": "collection"}, "-user": "Practitioner/check", "n": 7}


def prefetch_cases(call: Call) -> Iterator[Case]:
    """All of them for one service; next to nothing for one without templates."""
    sent = call.prefetch
    yield case("prefetch-foreign", "keys that were not announced", call.changed(prefetch={**sent, **_FOREIGN}), "PF-02")
    if not sent:
        return
    yield case("prefetch-absent", "no prefetch", call.changed(prefetch=None), "PF-03", silence="PF-18")
    yield case("prefetch-object", "prefetch without keys", call.changed(prefetch={}), "PF-03", silence="PF-18")
    keys = list(sent)
    for key in keys[:_PARTS] if len(keys) > 1 else ():
        rest = {name: value for name, value in sent.items() if name != key}
        yield case(f"prefetch-without-{key}", "prefetch without one of its keys", call.changed(prefetch=rest), "PF-03")
        alone = call.changed(prefetch={key: sent[key]})
        yield case(f"prefetch-only-{key}", "prefetch with one of its keys", alone, "PF-03")
    yield case("prefetch-null", "null for every key", call.changed(prefetch=dict.fromkeys(keys)), "PF-13")
    for key in keys[:_PARTS]:
        body = call.changed(prefetch={**sent, key: None})
        yield case(f"prefetch-null-{key}", "null for one key", body, "PF-13")
    for name, form in _empty_forms():
        body = call.changed(prefetch={key: form if _is_bundle(value) else value for key, value in sent.items()})
        yield case(f"prefetch-empty-{name}", f"Bundles {name}", body, "PF-14")
    errors = call.changed(prefetch=dict.fromkeys(keys, _ERROR))
    yield case("prefetch-outcome", "an OperationOutcome (error) for every key", errors, "PF-10", silence="PF-12")
    inside = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": _ERROR, "search": {"mode": "outcome"}}],
    }
    body = call.changed(prefetch={key: inside if _is_bundle(value) else value for key, value in sent.items()})
    yield case("prefetch-outcome-inside", "an OperationOutcome (error) in every Bundle", body, "PF-10", silence="PF-12")
    paged = call.changed(prefetch={key: _first_page(value) for key, value in sent.items()})
    yield case("prefetch-paged", "the first of several pages, no token", paged, "PF-15", silence="PF-17")
    mixed = call.changed(prefetch=about_another(sent, call.patient_id))
    yield case("patient-other", "data of another patient", mixed, "FN-12", "survive", speech="FN-12")
    people = {key: value for key, value in sent.items() if _kind(value) == "Patient"}
    if people and len(people) < len(sent):
        mixed = call.changed(prefetch={**sent, **about_another(people, call.patient_id)})
        yield case("patient-mixed", "a Patient of another id", mixed, "FN-12", "survive", speech="FN-12")


def _empty_forms() -> Iterator[tuple[str, dict[str, Any]]]:
    bundle = {"resourceType": "Bundle", "type": "searchset"}
    yield "with total 0", {**bundle, "total": 0}
    yield "with entry []", {**bundle, "total": 0, "entry": []}
    yield "without total and entry", dict(bundle)


def _first_page(value: Any) -> Any:
    if _kind(value) != "Bundle":
        return value
    entries = value.get("entry") or []
    link = {"relation": "next", "url": "https://ehr.invalid/fhir?page=2"}
    return {**value, "entry": entries[:1], "total": len(entries) + 1, "link": [link]}


def _kind(value: Any) -> str:
    return str(value.get("resourceType", "")) if isinstance(value, dict) else ""


def _is_bundle(value: Any) -> bool:
    return _kind(value) == "Bundle" or value is None

"""Hypothesis grammars of requests, FHIR resources and directions: built from the rules instead of from real shapes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.edge.conftest import KEYS
from tests.fuzz.corpus import corpus
from tests.fuzz.hostile import DATES, NUMBERS, TEXTS, TYPES, deep
from tests.fuzz.hostile import KEYS as ODD_KEYS
from tests.fuzz.planting import SECRET

_KNOWN = corpus()
_SYSTEMS = (
    "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org", "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm", "http://unitsofmeasure.org", "", "urn:oid:2.16.840.1.113883.6.88", "x",
)  # fmt: skip
_CODES = ("312941", "313586", "44261-6", "44249-1", "F33.1", "F31.9", "73595000", "mg", "{tbl}", "1", "", "999999999")

dates = st.one_of(st.sampled_from(DATES), st.dates().map(str), st.datetimes().map(lambda at: at.isoformat() + "Z"))
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(), st.floats(allow_nan=True, allow_infinity=True))
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=30))
scalars = st.one_of(st.none(), st.booleans(), numbers, dates, texts)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(ODD_KEYS), st.text(max_size=4)), inner, max_size=3),
        inner.map(lambda value: deep(40, value)),
    ),
    max_leaves=6,
)


def _or_junk(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(good, good, good, junk)


codings = st.fixed_dictionaries(
    {"system": st.sampled_from(_SYSTEMS), "code": st.sampled_from(_CODES)}, optional={"display": texts}
)
concepts = _or_junk(
    st.fixed_dictionaries({}, optional={"coding": _or_junk(st.lists(codings, max_size=3)), "text": texts})
)
references = _or_junk(
    st.fixed_dictionaries(
        {"reference": st.sampled_from(("Patient/p1", "Patient/p2", "p1", "#m", "Medication/m1", "urn:uuid:1", ""))},
        optional={"display": texts, "type": st.sampled_from(TYPES)},
    )
)
quantities = _or_junk(
    st.fixed_dictionaries(
        {"value": st.one_of(st.integers(0, 400), numbers)},
        optional={
            "unit": texts,
            "code": st.sampled_from(_CODES),
            "system": st.sampled_from(_SYSTEMS),
            "comparator": texts,
        },
    )
)
periods = _or_junk(st.fixed_dictionaries({}, optional={"start": dates, "end": dates}))


@st.composite
def sigs(draw: st.DrawFn) -> str:
    """Directions: an amount, how often, for how long, joined anyhow, in any script."""
    units = st.sampled_from((*_KNOWN.words, "comprimé", "Tablette", "таблетка", "錠", "قرص", "片", "½", "Ⅷ", "٢"))
    amounts = st.one_of(
        st.integers(-1, 10**6).map(str), st.floats(0, 20).map(lambda n: f"{n:.3g}"), st.sampled_from(_KNOWN.words)
    )
    parts = st.one_of(st.sampled_from(_KNOWN.directions), st.tuples(amounts, units).map(" ".join), texts, units)
    return draw(st.sampled_from((" ", ", ", " then ", "; ", "\n", ""))).join(
        draw(st.lists(parts, min_size=1, max_size=6))
    )


dosages = _or_junk(
    st.fixed_dictionaries(
        {},
        optional={
            "text": sigs(),
            "patientInstruction": sigs(),
            "asNeededBoolean": _or_junk(st.booleans()),
            "sequence": numbers,
            "timing": _or_junk(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "code": concepts,
                        "repeat": _or_junk(
                            st.fixed_dictionaries(
                                {},
                                optional={
                                    "frequency": numbers,
                                    "period": numbers,
                                    "periodUnit": _or_junk(st.sampled_from(("d", "wk", "h", "mo", "a"))),
                                    "boundsPeriod": periods,
                                    "boundsDuration": quantities,
                                    "when": _or_junk(st.lists(st.sampled_from(("MORN", "HS")), max_size=2)),
                                    "count": numbers,
                                },
                            )
                        ),
                    },
                )
            ),
            "doseAndRate": _or_junk(
                st.lists(st.fixed_dictionaries({}, optional={"doseQuantity": quantities}), max_size=2)
            ),
        },
    )
)
_ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "id": _or_junk(st.sampled_from(("a", "b", "new", "p1"))),
    "status": _or_junk(st.sampled_from(("active", "completed", "stopped", "final", "entered-in-error", "draft"))),
    "intent": _or_junk(st.sampled_from(("order", "plan", "proposal"))),
    "subject": references,
    "patient": references,
    "medicationCodeableConcept": concepts,
    "medicationReference": references,
    "code": concepts,
    "clinicalStatus": concepts,
    "verificationStatus": concepts,
    "authoredOn": dates,
    "whenHandedOver": dates,
    "effectiveDateTime": dates,
    "effectivePeriod": periods,
    "onsetDateTime": dates,
    "abatementDateTime": dates,
    "recordedDate": dates,
    "performedDateTime": dates,
    "performedPeriod": periods,
    "birthDate": dates,
    "deceasedBoolean": _or_junk(st.booleans()),
    "gender": texts,
    "valueQuantity": quantities,
    "valueInteger": numbers,
    "valueCodeableConcept": concepts,
    "valueString": texts,
    "quantity": quantities,
    "daysSupply": quantities,
    "dosageInstruction": _or_junk(st.lists(dosages, max_size=3)),
    "dosage": _or_junk(st.lists(dosages, max_size=2)),
    "statusReason": concepts,
    "reasonCode": _or_junk(st.lists(concepts, max_size=2)),
    "reasonReference": _or_junk(st.lists(references, max_size=2)),
    "dispenseRequest": _or_junk(
        st.fixed_dictionaries(
            {},
            optional={
                "quantity": quantities,
                "expectedSupplyDuration": quantities,
                "numberOfRepeatsAllowed": numbers,
                "validityPeriod": periods,
            },
        )
    ),
    "component": _or_junk(
        st.lists(st.fixed_dictionaries({"code": concepts}, optional={"valueInteger": numbers}), max_size=3)
    ),
    "item": junk,
    "contained": junk,
    "extension": junk,
    "identifier": junk,
    "meta": junk,
}


@st.composite
def resources(draw: st.DrawFn) -> Any:
    """A FHIR resource: some type, some elements, each of the right shape or of none."""
    kind = draw(st.sampled_from(TYPES))
    names = draw(st.lists(st.sampled_from(list(_ELEMENTS)), max_size=9, unique=True))
    made = {name: draw(_ELEMENTS[name]) for name in names}
    return {"resourceType": kind, "subject": {"reference": "Patient/p1"}, **made}


def bundles(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A search answer, and the forms of "no data" beside it."""
    return st.one_of(
        st.lists(inner, max_size=3).map(
            lambda found: {"resourceType": "Bundle", "entry": [{"resource": one} for one in found]}
        ),
        st.none(),
        st.just({"resourceType": "Bundle", "total": 0}),
        st.just({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}),
        inner,
        st.lists(inner, max_size=2),
        junk,
    )


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A call: hook, context and prefetch, every part as it should be or otherwise."""
    hook = draw(st.sampled_from(("order-select", "order-sign", "patient-view", "order-select", "order-sign", "x")))
    drafts = draw(bundles(st.one_of(resources(), st.sampled_from(_KNOWN.resources))))
    context = {
        "userId": draw(_or_junk(st.sampled_from((f"Practitioner/{SECRET}", "Patient/p1", "RelatedPerson/r", "x")))),
        "patientId": draw(_or_junk(st.sampled_from(("p1", "Patient/p1", "p2", SECRET)))),
        "draftOrders": drafts,
        "selections": draw(_or_junk(st.lists(st.sampled_from(("MedicationRequest/new", "new", "#", "")), max_size=2))),
        "encounterId": draw(_or_junk(st.just(SECRET))),
    }
    keys = draw(st.lists(st.sampled_from((*KEYS, "request", "patient")), max_size=4, unique=True))
    person = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-02-03", "name": [{"family": SECRET}]}
    prefetch = {key: draw(bundles(resources())) for key in keys}
    body = {
        "hook": hook,
        "hookInstance": draw(_or_junk(st.just("i"))),
        "context": draw(_or_junk(st.just(context))),
        "prefetch": draw(_or_junk(st.just({"patient": person, **prefetch}))),
    }
    for name in draw(
        st.lists(st.sampled_from(("fhirServer", "fhirAuthorization", "extension", "version")), max_size=2)
    ):
        body[name] = draw(junk)
    return body

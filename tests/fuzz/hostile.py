"""Hostile values: what stands in a JSON document where something else was expected."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.fuzz.planting import SECRET

DATES = (
    "2024", "2024-06", "2024-06-30", "2024-02-30", "2024-13-01", "0000-01-01", "0001-01-01", "9999-12-31",
    "99999-01-01", "-2024-01-01", "24-1-1", "20240101", "2024-W01-1", "2024-180", "01/02/2024", "1 Jan 2024",
    "2024-06-30T23:59:60Z", "2024-06-30T24:00:00Z", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00+14:00",
    "2024-06-30T10:00:00.123456789012Z", "2024-06-30T10:00:00-23:59", "2024-06-30T10:00:00+99:99", "2024-06-30T10",
    "2024-06-30 10:00", "2024-06-30T10:00:00", "DB_6dec", "today", "2026-11-22", "2026-11-23", "2031-01-01",
    "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0660\u0661", "\uff12\uff10\uff12\uff14-\uff10\uff11-\uff10\uff11",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, 3.5, 27, 28, 1e-320, -0.0, 1e22, 1e308, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**40, 10**400,
    0.1 + 0.2, 99999999999999999999.5,
)  # fmt: skip
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"))
TEXTS = (
    "", " ", "\t\n", "\x00", "\x1b[31m", "\u202egnp.exe", "\u200b", "\ufeff", "\u0660\u0661\u0662", "\u2167",
    "\u00bd", "\u2460", "<script>alert(1)</script>", "[x](javascript:alert(1))", "{{context.patientId}}", "{0}{x}%s",
    "${jndi:ldap://x}", "../../etc/passwd", "' OR 1=1 --", "null", "NaN", "1e400", "true", "-1", "0x1F", "Patient/p1",
    "Patient/p2", "Patient/", "#m", "#", "urn:uuid:p1", "urn:uuid:", "http://[::1", "http://ehr.example/fhir/Patient/p1",
    "https://ehr.example/fhir/Patient/p1/_history/2", "active", "completed", "entered-in-error", "draft", "unknown",
    "MedicationRequest/new", "MedicationRequest/o1", "a" * 64, "e\u0301" * 40, "Z\u0351\u036b\u0343\u036a" * 20,
    "\U0001f9ea", "\udbff\udfff", SECRET,
)  # fmt: skip
SURROGATES = ("\ud800", "\udfff x", "a\ud83d")
TYPES = (
    "Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration",
    "Medication", "Observation", "QuestionnaireResponse", "Condition", "Procedure", "AllergyIntolerance", "Encounter",
    "Bundle", "OperationOutcome", "ServiceRequest", "Parameters", "Task", "MedicationUsage", "Basic", "patient", "x",
    "",
)  # fmt: skip
KEYS = (
    "resourceType", "id", "entry", "resource", "coding", "code", "system", "value", "valueQuantity", "valueInteger",
    "reference", "text", "start", "end", "status", "extension", "contained", "identifier", "_birthDate", "unit",
    "component", "item", "answer", "total", "link", "fullUrl", "", "__proto__", "\u0000", "constructor",
)  # fmt: skip
PIECES = (
    "1", "1 ", "1.", "1/2 ", "1 to ", "1-", "(", "((a", "a ", "x.", "/ 1", "mg ", "sertraline ", "sertraline/",
    "sertraline 1 mg/", "sertraline 50 mg and fluoxetine 20 mg ", "not ", "no benefit ", "&amp;", "\n- ", " ",
    "'", "\u00e9",
)  # fmt: skip
"""What is repeated thousands of times, so that work that grows with the square of a text shows."""
_REPEATED_LENGTH = 24_000
_LONGEST = 70_000


def deep(levels: int, core: Any = None, *, lists: bool = True) -> Any:
    """`core` inside so many lists or objects."""
    value = core
    for _ in range(levels):
        value = [value] if lists else {"extension": value}
    return value


def hostile(chance: Random, *, numbers_of_no_json: bool = False) -> Any:
    """One value. NaN and infinities, which are no JSON, and lone surrogates only when asked for."""
    kind = chance.random()
    if kind < 0.10:
        return chance.choice((None, True, False))
    if kind < 0.25:
        return chance.choice(NUMBERS)
    if kind < 0.45:
        return chance.choice(DATES)
    if kind < 0.75:
        return chance.choice(TEXTS)
    if kind < 0.80:
        return chance.choice(TYPES)
    if kind < 0.88:
        return chance.choice(
            ([], {}, [[]], [{}], [None], {"": None}, {"coding": None}, {"reference": 1}, {"value": []})
        )
    if kind < 0.90:
        return "".join(
            chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)))) for _ in "12345"
        )
    if kind < 0.93:
        return {"resourceType": chance.choice(TYPES), "id": chance.choice(("p1", "p2", "new", 7, None))}
    if kind < 0.955:
        return deep(chance.randrange(2, 60), chance.choice(TEXTS), lists=chance.random() < 0.5)
    if kind < 0.965:
        return chance.choice(("x", "x ", "<", "\u00e9", "1 tab ", "\n- ")) * chance.randrange(100, 3_000)
    if kind < 0.966:
        return "y" * _LONGEST
    if kind < 0.970:
        piece = chance.choice(PIECES)
        return chance.choice(("", "sertraline ", "1 tablet ")) + piece * (_REPEATED_LENGTH // len(piece))
    if kind < 0.985 or not numbers_of_no_json:
        return chance.randrange(-(10**6), 10**6) / chance.choice((1, 10, 1000))
    return chance.choice((*NO_NUMBERS, *SURROGATES))

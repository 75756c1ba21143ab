"""Dates of any precision, and tokens with their escapes."""

from __future__ import annotations

import pytest

from cds_hooks.sandbox.dates import compare, interval, intervals_of
from cds_hooks.sandbox.tokens import Token, codings_of, split


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"),
        ("2024-12", "2024-12-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2024-02-29T23:30", "2024-02-29T23:30:00+00:00", "2024-02-29T23:31:00+00:00"),
        ("2024-02-29T23:30:15Z", "2024-02-29T23:30:15+00:00", "2024-02-29T23:30:16+00:00"),
        ("2024-02-29T23:30:15-05:00", "2024-03-01T04:30:15+00:00", "2024-03-01T04:30:16+00:00"),
        ("2024-02-29T02:30:15 05:30", "2024-02-28T21:00:15+00:00", "2024-02-28T21:00:16+00:00"),
        ("2024-02-29T23:30:15.5Z", "2024-02-29T23:30:15.500000+00:00", "2024-02-29T23:30:15.600000+00:00"),
        ("2024-02-29T23:30:15.123456789Z", "2024-02-29T23:30:15.123456+00:00", "2024-02-29T23:30:15.123457+00:00"),
        ("9999-12-31", "9999-12-31T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_intervals(text: str, start: str, end: str) -> None:
    found = interval(text)
    assert found is not None
    assert (found.start.isoformat(), found.end.isoformat()) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-13",
        "2023-02-29",
        "2024-1-1",
        "2024-01-01T",
        "2024-01-01T25:00",
        "٢٠٢٤",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert interval(text) is None


@pytest.mark.parametrize(
    ("prefix", "wanted", "actual", "meets"),
    [
        ("eq", "2024", "2024-05", True),
        ("eq", "2024-05", "2024", False),
        ("ne", "2024-05", "2024", True),
        ("gt", "2024-05", "2024-06-01", True),
        ("gt", "2024-05", "2024-05-31", False),
        ("ge", "2024-05", "2024-05-01", True),
        ("ge", "2024-05-02", "2024-05", True),
        ("ge", "2024-05", "2024-04-30", False),
        ("lt", "2024-05", "2024-05-01", False),
        ("lt", "2024-05-02", "2024-05-01", True),
        ("le", "2024-05", "2024-05-31", True),
        ("le", "2024-05", "2024-06-01", False),
        ("sa", "2024-05", "2024-06-01", True),
        ("sa", "2024-05-15", "2024-05", False),
        ("eb", "2024-05", "2024-04-30", True),
        ("eb", "2024-05-15", "2024-05", False),
    ],
)
def test_prefixes(prefix: str, wanted: str, actual: str, meets: bool) -> None:
    limits, one = interval(wanted), interval(actual)
    assert limits is not None
    assert one is not None
    assert compare(prefix, limits, one) is meets


def test_periods_are_open_where_nothing_is_said() -> None:
    (since,) = intervals_of({"start": "2024-01-01"})
    (until,) = intervals_of({"end": "2024-01-01"})
    june = interval("2024-06")
    assert june is not None
    assert compare("ge", june, since)
    assert not compare("eq", june, since)
    assert compare("lt", june, until)
    assert not compare("ge", june, until)
    assert intervals_of({"start": "soon"}) == []
    assert len(intervals_of({"event": ["2024-01-01", "2024-02-01"]})) == 2
    assert len(intervals_of({"repeat": {"boundsPeriod": {"start": "2024"}}})) == 1


@pytest.mark.parametrize(
    ("searched", "element", "meets"),
    [
        ("a", {"coding": [{"code": "b"}, {"system": "s", "code": "A"}]}, True),
        ("s|a", {"coding": [{"system": "s", "code": "a"}]}, True),
        ("t|a", {"coding": [{"system": "s", "code": "a"}]}, False),
        ("S|a", {"coding": [{"system": "s", "code": "a"}]}, False),
        ("|a", {"coding": [{"code": "a"}]}, True),
        ("|a", {"coding": [{"system": "s", "code": "a"}]}, False),
        ("s|", {"coding": [{"system": "s", "code": "a"}]}, True),
        ("s|", {"coding": [{"system": "t", "code": "a"}]}, False),
        (r"s|a\|b", {"coding": [{"system": "s", "code": "a|b"}]}, True),
        (r"a\,b", {"coding": [{"code": "a,b"}]}, True),
        ("final", "final", True),
        ("http://hl7.org/fhir/observation-status|final", "final", True),
        ("http://hl7.org/fhir/observation-status|", "final", False),
        ("true", True, True),
        ("x|MRN", {"system": "x", "value": "MRN"}, True),
        ("text only", {"text": "text only"}, False),
    ],
)
def test_tokens(searched: str, element: object, meets: bool) -> None:
    (alternative,) = split(searched, ",")
    token = Token.parse(alternative)
    assert any(token.matches(coding) for coding in codings_of(element)) is meets

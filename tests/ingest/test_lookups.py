"""Looking up codes, words and instants: what is listed as an exception, what cannot be told, what no clock shows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from mappings.load import Knowledge
from mappings.schema import CodeSet
from plugin.ingest.codings import Coding, WordSieve
from plugin.ingest.resources import instant_in, moment_of
from plugin.ingest.vocabulary import CodeIndex
from plugin.spans import PartialDate
from tests.ingest.shorthand import ICD10CM

KIRITIMATI, HONOLULU = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Honolulu")


def codes(**listed: object) -> CodeSet:
    return CodeSet.model_validate({"system": "icd10cm", **listed})


def test_an_excepted_code_is_out_of_its_set_however_it_is_written(knowledge: Knowledge) -> None:
    index = CodeIndex(
        [
            ("exact", [codes(exact=("F32.1", "F32.5"), **{"except": ("f325",)})]),
            ("prefix", [codes(prefixes=("F32",), **{"except": ("F32.5",)})]),
        ],
        knowledge,
    )

    def found(code: str) -> tuple[str, ...]:
        return index.find([Coding(ICD10CM, code, "")])

    assert found("F32.1") == ("exact", "prefix")
    assert found("F32.5") == ()
    assert found("F32.51") == ()
    assert found("F32.2") == ("prefix",)


def test_a_sieve_with_a_word_it_cannot_open_lets_every_text_through() -> None:
    assert not WordSieve(["depression", "mdd"]).may_occur_in(["migraine"])
    assert WordSieve(["depression", "mdd"]).may_occur_in(["recurrent MDD"])
    assert WordSieve(["depression", "(mdd)"]).may_occur_in(["migraine"])


@pytest.mark.parametrize(
    ("written", "zone", "day", "time"),
    [
        ("2025-03-01T23:30:00Z", KIRITIMATI, "2025-03-02", "13:30:00"),
        ("2025-03-01T23:30:00", KIRITIMATI, "2025-03-01", "23:30:00"),
        ("9999-12-31T23:30:00Z", KIRITIMATI, "9999-12-31", "23:30:00"),
        ("0001-01-01T00:30:00Z", HONOLULU, "0001-01-01", "00:30:00"),
    ],
)
def test_an_instant_beyond_the_calendar_in_a_zone_stays_as_written(
    written: str, zone: ZoneInfo, day: str, time: str
) -> None:
    assert instant_in(written, zone) == (PartialDate.parse(day), time)


@pytest.mark.parametrize("written", ["2025-02-30T10:00:00Z", "2025-02-03T25:00:00Z", "2025-02-03T10:00:00+99:00"])
def test_an_instant_that_no_clock_shows_is_none(written: str) -> None:
    assert moment_of(written) is None

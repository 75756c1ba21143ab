"""Clinical codes, drug names and numbers live in the knowledge, never in Python.

Every number in `plugin` and `cds_hooks` other than 0, 1 and 2 stands in a list below with the reason why it is no
clinical number; an entry that is no longer needed fails too. Strings must hold no code and no drug name. Docstrings
and comments may say anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.load import load
from mappings.products import words_of

ROOT = Path(__file__).parents[2]
KNOWLEDGE = load()
# A number that only counts, points or pairs.
PLAIN = frozenset({0.0, 1.0, 2.0})

TOLERANCE = "tolerance of floating-point comparison"
JSON = "digits written to the JSON contract"
PERCENT = "a share written as percent"
BOUND = "bound on hostile input"
CACHE = "size of a cache"
CALENDAR = "the calendar"
METRIC = "thousand of one unit in the next: milligram, microgram, gram; no clinical amount"
# Per module of `plugin`: each number and why it may stand there.
REASONING: dict[str, dict[float, str]] = {
    "trial/at_dose.py": {1e-9: TOLERANCE},
    "exposure/directed_dose.py": {4096: CACHE},
    "exposure/supply.py": {1e-9: TOLERANCE},
    "exposure/layer_days.py": {1e-9: TOLERANCE},
    "domains/domain_scores.py": {6: "digits compared with thresholds"},
    "domains/indicators.py": {3: "position in a tuple"},
    "ingest/body_mass.py": {100: "centimetres of a metre"},
    "advice/policy.py": {3: "how many cards are shown"},
    "advice/status_card.py": {3: "how many missing facts one card lists"},
    "document/assessment_document.py": {3: JSON, 100: PERCENT},
    "document/next_step_document.py": {4: JSON},
    "document/next_step_text.py": {3: "steps of indentation"},
    "advice/option_card.py": {
        3: "options and facts of a kind that one card lists",
        4: "options that one card lists",
    },
    "trial/scale_reading.py": {100: PERCENT},
    "advice/wording.py": {
        3: "group of a date pattern",
        100: PERCENT,
        140: "characters of a card summary, by CDS Hooks 2.0",
    },
    "trial/stops.py": {3: "position in a tuple"},
    "spans.py": {12: CALENDAR, 31: CALENDAR, 16_384: CACHE},
    "ingest/codings.py": {4: "letters a quick look compares", 5: "letters of a word stem", 512: CACHE},
    "ingest/directions/__init__.py": {2048: CACHE},
    "ingest/documents.py": {3: "nesting of lists counts thrice", 20: BOUND},
    "ingest/dosage.py": {7: CALENDAR},
    "ingest/measure_codes.py": {4: CACHE},
    "ingest/questionnaires.py": {30: BOUND},
    "ingest/recognition.py": {
        4: "digits of the parts of an NDC",
        5: "digits of an NDC part, places of a comparison key",
        9: "where an NDC of ten digits misses its zero",
        11: "digits of an NDC",
    },
    "ingest/repairs.py": {4: CACHE},
    "ingest/resources.py": {
        1e-6: BOUND,
        1e12: BOUND,
        10: "base of decimal digits",
        40: BOUND,
        20_000: BOUND,
        1970: CALENDAR,
    },
    "ingest/vocabulary.py": {4: "words a phrase may be re-ordered over"},
    "ingest/written_strengths.py": {6: "digits kept of a strength", 24: CALENDAR, 1000: METRIC},
}
STATUS = "HTTP status"
TIMING = "time limit or age of a network or session matter"
WEB = "limit of what a web request, page or terminal may hold"
STORY = "notation or default of invented stories"
# Packages of `cds_hooks` that see neither reasoning nor facts: their numbers are widths, sizes and ages.
APART = ("storage/", "trust/", "observing/", "governance/", "ehr/", "checking/")
# Per number in the rest of `cds_hooks`, which holds protocol, network and pages but no reasoning.
PROTOCOL: dict[float, str] = {
    0.01: TIMING,
    0.2: TIMING,
    0.35: TIMING,
    1.6: TIMING,
    5: TIMING,
    15: TIMING,
    75: TIMING,
    365: f"{TIMING}: days that an answer is remembered at most",
    2000: WEB,
    20_000: WEB,
    65_536: WEB,
    262_144: WEB,
    3: "cards shown at most, group of a date pattern",
    4: f"{TIMING}; {CALENDAR}; {STORY}",
    6: f"{CALENDAR}; {STORY}",
    7: f"{CALENDAR}; {STORY}; days a verdict is remembered",
    8: f"parallel reads; bytes of a correlation id; {STORY}",
    9: "digits of a page token",
    10: f"{CALENDAR}; page size",
    12: f"{CALENDAR}; noon; characters of a hash shown",
    20: WEB,
    28: f"{CALENDAR}; {STORY}",
    30: TIMING,
    32: "bytes of a random or hashed value",
    40: f"rows shown; {STORY}",
    50: "page size",
    60: TIMING,
    64: WEB,
    80: "port",
    100: WEB,
    130: "exit status after an interrupt",
    140: "characters of a card summary, by CDS Hooks 2.0",
    182: f"half a year; {STORY}",
    200: STATUS,
    201: STATUS,
    204: STATUS,
    300: STATUS,
    302: STATUS,
    303: STATUS,
    400: STATUS,
    401: STATUS,
    403: STATUS,
    404: STATUS,
    405: STATUS,
    406: STATUS,
    410: STATUS,
    412: STATUS,
    413: STATUS,
    415: STATUS,
    429: STATUS,
    443: "port",
    448: "permissions of a folder",
    500: STATUS,
    502: STATUS,
    504: "width of a window in pixels",
    503: STATUS,
    600: WEB,
    730: f"{TIMING}: days that records stay",
    800: "height of a window in pixels",
    1000: f"{WEB}; milliseconds of a second",
    1024: WEB,
    1800: TIMING,
    2192: f"{TIMING}: days that records stay",
    3600: TIMING,
    5000: WEB,
    8000: "port",
    10_000: WEB,
    16384: WEB,
    36_500: f"{TIMING}: days that records stay at most",
    50_000: WEB,
    65535: "port",
    10_000_000: WEB,
    20_000_000: WEB,
    60_000_000: WEB,
}

DRAWN = "a measure of the drawing"
FILE_MODE = "permissions of a file that others may not read"
MEMORY = "megabytes of a process or of a part of a cohort"
LOGIN = "limit, age or length of a login, by OAuth or of our own"
# Per module or package of `cds_hooks`: numbers that would be too free everywhere.
BY_MODULE: dict[str, dict[float, str]] = {
    "admission.py": {
        200_000: "bytes of a large body",
        0.1: "weight of the newest measurement",
        1.5: "times the wait allowed",
        0.005: "seconds of a call, before any was measured",
        0.3: "the same of a large one",
        0.5: "spread of Retry-After",
    },
    "commands/progress.py": {0.1: "seconds in which what an earlier run did is told"},
    "commands/server_processes.py": {0.001: "seconds between two threads of the interpreter"},
    "commands/cohort_report.py": {384: FILE_MODE},
    "commands/cohort_run.py": {512: MEMORY},
    "disclosure/cells.py": {11: "smallest count shown, a convention of disclosure control", 24: "tries of a search"},
    "disclosure/following.py": {61: "exponent of the prime that equations are solved by"},
    "silent/buckets.py": {16: MEMORY},
    "silent/grouping.py": {384: FILE_MODE},
    "silent/local.py": dict.fromkeys((120, 192, 250), MEMORY),
    "silent/parts.py": {384: FILE_MODE},
    "silent/rejects.py": {384: FILE_MODE},
    "silent/report/chart_review.py": {5_000_000: WEB},
    "silent/report/charts.py": dict.fromkeys((0.02, 0.05, 0.1, 0.3, 0.4, 0.5, 0.6, 0.8, 14, 42, 90, 101, 440), DRAWN),
    "silent/report/subgroups.py": dict.fromkeys((18, 25, 35, 45, 55, 65), "age bands of a report"),
    "silent/running.py": {384: FILE_MODE},
    "silent/spark/": {192: MEMORY, 384: FILE_MODE},
    "silent/workers.py": {63: FILE_MODE},
    "basis/drawing.py": dict.fromkeys((13, 14, 172, 930, 940), DRAWN),
    "basis/lane_shapes.py": dict.fromkeys((0.25, 0.6, 6.3, 14, 16, 22, 24, 26, 62), DRAWN),
    "basis/score_shapes.py": dict.fromkeys((26, 66, 110, 150), DRAWN),
    "basis/time_scale.py": {**dict.fromkeys((0.24, 0.42, 1.5, 24, 54, 120), DRAWN), 30.4: CALENDAR},
    "gallery/screens.py": {
        15_000: TIMING,
        **dict.fromkeys((320, 900, 1280, 4000), "width or height of a window in pixels"),
    },
    "sandbox/launching.py": {16: LOGIN},
    "settings.py": {480: LOGIN},
    "smart/": {
        **dict.fromkeys((16, 120, 240, 255, 256, 4096, 86_400, 100_000, 300_000, 1_000_000), LOGIN),
        63: "permissions of a file that others may not read",
    },
    "snapshots/": dict.fromkeys((120, 255, 1_200, 100_000), LOGIN),
}

SHAPES = {
    "LOINC code": r"\d{3,5}-\d",
    "LOINC answer": r"LA\d{3,5}-\d",
    "RxNorm, NDC or SNOMED CT code": r"\d{5,18}",
    "NDC with hyphens": r"\d{4,5}-\d{3,4}-\d{1,2}",
    "ICD-10 code": r"[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}",
    "ICD-10 category": r"F[0-9]\d",
    "ICD-10-PCS code": r"GZ[0-9A-Z]{5}",
    "ATC code": r"[A-V]\d\d[A-Z]{2}\d\d",
    "HCPCS code": r"[GJS]\d{4}",
}
CODE = re.compile("(?<![\\w./-])(?:" + "|".join(f"(?:{shape})" for shape in SHAPES.values()) + ")(?![\\w/-])")
# Strings that have the shape of a code and are none.
NO_CODES: dict[str, str] = {"110153": "DICOM's word for the machine that asked, in an AuditEvent"}
DRUGS = frozenset(
    name[0]
    for name in (*KNOWLEDGE.products.names, *KNOWLEDGE.products.combination_names)
    if len(name) == 1 and len(name[0]) > 3
) | {part for drug in KNOWLEDGE.drugs.values() for part in drug.id.split("-") if len(part) > 6}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def constants(source: str) -> Iterator[tuple[int, object]]:
    """Every constant of a module that is not a docstring, with its line."""
    tree = ast.parse(source)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            yield node.lineno, node.value


def numbers(source: str) -> Iterator[tuple[int, float]]:
    for line, value in constants(source):
        if isinstance(value, int | float) and not isinstance(value, bool) and float(value) not in PLAIN:
            yield line, float(value)


def named_in(source: str) -> list[str]:
    """Codes and drug names in the strings of a module."""
    found = []
    for line, value in constants(source):
        if not isinstance(value, str) or value in NO_CODES:
            continue
        found += [f"line {line}: code {code}" for code in CODE.findall(value)]
        found += [f"line {line}: drug {word}" for word in words_of(value) if word in DRUGS]
    return found


def inside(path: Path, package: str) -> str:
    return path.relative_to(ROOT / package).as_posix()


@pytest.mark.parametrize("path", modules("plugin"), ids=lambda path: inside(path, "plugin"))
def test_reasoning_holds_only_numbers_with_a_reason(path: Path) -> None:
    allowed = {float(number) for number in REASONING.get(inside(path, "plugin"), {})}
    found = [(line, number) for line, number in numbers(path.read_text(encoding="utf-8")) if number not in allowed]
    assert not found, "move these to mappings/, or give the reason why they are no clinical numbers"


def protocol() -> list[Path]:
    return [path for path in modules("cds_hooks") if not inside(path, "cds_hooks").startswith(APART)]


def test_what_stands_apart_sees_no_reasoning() -> None:
    apart = [path for path in modules("cds_hooks") if inside(path, "cds_hooks").startswith(APART)]
    assert {inside(path, "cds_hooks").split("/")[0] + "/" for path in apart} == set(APART)
    assert [path for path in apart if re.search(r"^\s*(from|import) plugin\b", path.read_text("utf-8"), re.M)] == []


def _of_module(module: str) -> list[float]:
    return [number for place, allowed in BY_MODULE.items() if module.startswith(place) for number in allowed]


@pytest.mark.parametrize("path", protocol(), ids=lambda path: inside(path, "cds_hooks"))
def test_protocol_holds_only_numbers_with_a_reason(path: Path) -> None:
    allowed = {float(number) for number in (*PROTOCOL, *_of_module(inside(path, "cds_hooks")))}
    found = [(line, number) for line, number in numbers(path.read_text(encoding="utf-8")) if number not in allowed]
    assert not found, "move these to mappings/, or give the reason why they are no clinical numbers"


@pytest.mark.parametrize(
    "path",
    [*modules("plugin"), *modules("cds_hooks")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_no_code_and_no_drug_name_in_a_string(path: Path) -> None:
    assert named_in(path.read_text(encoding="utf-8")) == []


def test_every_allowed_number_is_still_there_and_has_a_reason() -> None:
    for module, allowed in REASONING.items():
        there = {number for _, number in numbers((ROOT / "plugin" / module).read_text(encoding="utf-8"))}
        assert there == {float(number) for number in allowed}, module
        assert all(allowed.values()), module
    for module, allowed in BY_MODULE.items():
        there = {
            number
            for path in protocol()
            if inside(path, "cds_hooks").startswith(module)
            for _, number in numbers(path.read_text(encoding="utf-8"))
        }
        assert {float(number) for number in allowed} <= there, module
        assert not {float(number) for number in allowed} & {float(number) for number in PROTOCOL}, module
    everywhere = {number for path in protocol() for _, number in numbers(path.read_text(encoding="utf-8"))}
    assert {float(number) for number in PROTOCOL} - everywhere == set()
    assert all(PROTOCOL.values())


def test_no_parameter_of_the_knowledge_is_allowed_in_the_reasoning_by_chance() -> None:
    """The shared parameters that are no everyday number must not come back under any reason."""
    rules = [KNOWLEDGE.reconstruction, *KNOWLEDGE.definitions.values()]
    parameters = {
        float(value)
        for entry in rules
        for value in entry.model_dump().values()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    allowed = {float(number) for numbers_ in REASONING.values() for number in numbers_}
    everyday = {3.0, 4.0, 5.0, 7.0, 30.0}  # allowed above as bound, calendar or format
    assert {42.0, 28.0, 56.0, 180.0, 0.5, 0.25, 0.8} <= parameters
    assert allowed & parameters <= everyday


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("DAYS = 42", "number"),
        ("SHARE = 0.25", "number"),
        ("HALF = 3 / 8", "number"),
        ('TOTAL = "44261-6"', "string"),
        ('ANSWER = "LA6568-5"', "string"),
        ('RXCUI = "36437"', "string"),
        ('NDC = "0049-4900-50"', "string"),
        ('ICD = "F33.1"', "string"),
        ('ICD = ("F32", "F33")', "string"),
        ('ATC = "N06AB06"', "string"),
        ('HCPCS = "G2082"', "string"),
        ('PCS = "GZB1ZZZ"', "string"),
        ('SNOMED = "370143000"', "string"),
        ('QUERY = "code=http://loinc.org|44249-1,55758-7"', "string"),
        ('DRUG = "Sertraline"', "string"),
        ('TEXT = f"started {when} on Zoloft"', "string"),
        ('RULES = {"es-citalopram": 1}', "string"),
    ],
)
def test_the_scan_sees(line: str, seen: str) -> None:
    source = f'"""44261-6 and sertraline 50 mg are fine in prose."""\n{line}\n'
    assert bool(list(numbers(source))) == (seen == "number")
    assert bool(named_in(source)) == (seen == "string")

"""What comes of a call when the client's FHIR server fails: the page docs/fault-matrix.md.

`python -m tests.ehr.fault_table` writes the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.ehr.fault_matrix import (
    FAULTS,
    KINDS,
    LEFT_IN_PEACE,
    NOT_WAITED_FOR,
    ONE_MORE_SCORE,
    RULES,
    SOFT,
    Answer,
    Failing,
    Kind,
    expected,
    why,
)
from tests.generated_page import write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
MADE = "<!-- Made by `make fault-matrix` from tests/ehr/fault_matrix.py; do not edit. -->"
_SHOWN: dict[Answer, str] = {"complete": "complete", "gap": "gap", "412": "**412**", "not offered": "not offered"}
_MEANT: dict[Answer, str] = {
    "complete": "The cards are those of a call in which nothing failed.",
    "gap": (
        "The call ends with 200. A card says what was not read completely, and why; what holds back or lowers a "
        "conclusion because of it does so. What came is judged."
    ),
    "412": (
        "No cards, and nothing is judged. The OperationOutcome says what is missing, why, and what to send; of data of "
        "another patient it says only that there are some."
    ),
    "not offered": "The call ends with 200 and without a gap; no card lists the kind among what was looked at.",
}


def page() -> str:
    """The page: the table, what each answer means, what is read on the cards, and the rules behind it."""
    return "\n".join([*_opening(), *_table(), *_meanings(), *_readings(), *_rules()]) + "\n"


def _opening() -> Iterator[str]:
    yield from (
        MADE,
        "",
        "# When the FHIR server fails",
        "",
        "For whoever connects an EHR. Each row is a kind of data that a call reads, each column a way in which the "
        "FHIR server fails whenever it is asked for that kind, and for nothing else. All of it is pulled: what a "
        f"client sends by prefetch is not asked for, and cannot fail so. {len(KINDS)} kinds by {len(FAULTS)} ways, "
        "each of them one call of the whole service in `make test-all`. Every call ends within the hard end of the "
        "time for reading (`TRD_CDS_DEADLINE_SECONDS`), and none with an error of ours. Encounters are not asked for "
        "by any hook.",
        "",
    )


def _table() -> Iterator[str]:
    yield _row(["", *(failing.label for failing in FAULTS)])
    yield _row(["---"] * (len(FAULTS) + 1))
    for kind in KINDS:
        yield _row([kind.label, *(_SHOWN[expected(kind, failing).answer] for failing in FAULTS)])
    yield ""


def _meanings() -> Iterator[str]:
    yield from ("## What the answers are", "")
    yield from (f"- {_SHOWN[answer]}: {meant}" for answer, meant in _MEANT.items())
    yield ""


def _readings() -> Iterator[str]:
    yield from (
        "## What the clinician reads",
        "",
        "The line of a card, at a gap in dispenses. The other kinds are called "
        f"{', '.join(dict.fromkeys(kind.card for kind in KINDS if kind.card and kind.key != 'dispenses'))}.",
        "",
        _row(["", "the server", "the card says"]),
        _row(["---"] * 3),
    )
    usual = next(kind for kind in KINDS if kind.key == "dispenses")
    for failing in FAULTS:
        yield _row([failing.label, failing.in_words, _read(usual, failing)])
    drug = next(kind for kind in KINDS if kind.key == "medications")
    late = next(kind for kind in KINDS if kind.key == SOFT)
    yield from (
        "",
        f"Of other scales that are late: {_line(late.card, NOT_WAITED_FOR)}. "
        "Of a Medication that an order only points to, and that does not come, the orders are the gap: "
        f"{_line(drug.card, why(drug, FAULTS[0]))}. A server that asks to wait for long, or whose connections fail "
        "again and again, is asked for nothing more for a while; what was still to be asked is named with the words "
        f"“{LEFT_IN_PEACE}”.",
        "",
        "The same words stand in the assessment (`gaps`); the line of the log has the kinds, and as `budget` the end "
        "of the time that cut something off. Where scores, questionnaires or further scales of outcome did not come, "
        "what was measured counts, and nothing counts that rests on there being no score: neither a switch to another "
        f"drug nor a score without a baseline is a probable failure. The card then says: “{ONE_MORE_SCORE}”.",
        "",
    )


def _rules() -> Iterator[str]:
    yield from ("## Why", "", "The first rule that fits decides.", "", _row(["rule", "answer", "because"]))
    yield _row(["---"] * 3)
    yield from (_row([rule.id, _SHOWN[rule.answer], rule.because]) for rule in RULES)


def _read(kind: Kind, failing: Failing) -> str:
    match expected(kind, failing).answer:
        case "gap":
            return _line(kind.card, why(kind, failing))
        case "412":
            return "nothing: the call is refused"
        case _:
            return "what it says without the fault"


def _line(card: str, reason: str) -> str:
    return f"“Not read completely: {card} ({reason})”"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    return write_or_check(
        page(),
        PAGE,
        target="fault-matrix",
        about="The table of faults and answers in docs/fault-matrix.md.",
        arguments=arguments,
    )


if __name__ == "__main__":
    raise SystemExit(main())

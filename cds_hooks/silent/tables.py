"""The tables that a silent run writes: their columns, what each means, and the order of their rows.

A row is a mapping from every column of its table to a value; unknown is None. Days are `datetime.date`; lists are
sorted or in the order of the reasoning. The tables hold ids of patients, orders and prescribers, so that charts can be
reviewed: the directory is as confidential as the export it was made of. No name, no text of the record, no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["text", "day", "whole", "number", "yes", "texts"]
Row = dict[str, Any]
Rows = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is text, day, whole number, number, yes/no or a list of texts."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table; rows are sorted by the columns `key`, which identify a row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


_PATIENT = Column("patient", "text", "Patient id of the export")
_MOMENT = Column("moment", "text", "the moment within the patient: the day, and the id of the order where there is one")

PATIENTS = Table(
    "patients",
    "one row for each patient of the input, judged or not",
    ("patient",),
    (
        _PATIENT,
        Column("resources", "whole", "resources of the input that name the patient"),
        Column("moments", "whole", "moments judged"),
        Column("drug_records", "whole", "records of an antidepressant or augmenting agent that were read"),
        Column("supply_records", "whole", "of these, those that state days' supply, a quantity or a period"),
        Column("dose_records", "whole", "of these, those that state a dose that could be read"),
        Column("scores", "whole", "scores on scales of outcome"),
        Column("sex", "text", "Patient.gender"),
        Column("age_at_end_years", "whole", "age on the last day of the run, judged or not; empty where not known"),
        Column("race", "text", "US Core race, only where the run was told to keep it"),
        Column("ethnicity", "text", "US Core ethnicity, only where the run was told to keep it"),
        Column("language", "text", "preferred language, only where the run was told to keep it"),
        Column("failed", "text", "why the patient could not be judged: the name of the fault, never its text"),
    ),
)
ASSESSMENTS = Table(
    "assessments",
    "one row for each moment: what the service would have concluded, as the record stood then",
    ("patient", "moment"),
    (
        _PATIENT,
        _MOMENT,
        Column("as_of", "day", "the day of judgement"),
        Column("occasion", "text", "order, date or month"),
        Column("order", "text", "MedicationRequest id, where an order was the occasion"),
        Column("prescriber", "text", "requester of the order"),
        Column("ingredients", "texts", "antidepressants and augmenting agents ordered"),
        Column("age_years", "whole", "age then"),
        Column("verdict", "text", "under the chosen definition"),
        Column("capped", "text", "why the verdict was held back"),
        Column("decided_by", "texts", "ids of the rules that decided"),
        Column("failed_sure", "whole", "failed trials that are certain"),
        Column("failed_with_proxy", "whole", "with those failed by a proxy"),
        Column("failed_possible", "whole", "with those that may have failed"),
        Column("trials", "whole", "trials of the episode"),
        Column("episode_start", "day", "first day of the episode judged"),
        Column("episode_uncertain", "yes", "whether it may have begun at another day"),
        Column("severity_band", "text", "band of the latest score"),
        Column("profile", "text", "label of the symptom profile"),
        Column("domains", "texts", "dominant domains"),
        Column("gates", "texts", "gates that hold"),
        Column("settled_by", "texts", "kinds of single missing fact that would settle a verdict that is not settled"),
        Column("missing", "texts", "what parts of the assessment lack a fact"),
        Column("fired", "yes", "whether at least one card would have been shown"),
        Column("hard_stop", "yes", "whether one of them was critical"),
    ),
)
DEFINITIONS = Table(
    "definitions",
    "one row for each moment and definition",
    ("patient", "moment", "definition"),
    (
        _PATIENT,
        _MOMENT,
        Column("definition", "text", "definition id"),
        Column("verdict", "text", "what it says"),
        Column("failed_sure", "whole", "failed trials that are certain"),
        Column("failed_with_proxy", "whole", "with those failed by a proxy"),
        Column("failed_possible", "whole", "with those that may have failed"),
    ),
)
RULES = Table(
    "published_rules",
    "one row for each moment and published register rule",
    ("patient", "moment", "rule"),
    (_PATIENT, _MOMENT, Column("rule", "text", "rule id"), Column("resistant", "yes", "its answer; None: cannot tell")),
)
TRIALS = Table(
    "trials",
    "one row for each trial of the episode at each moment",
    ("patient", "moment", "number"),
    (
        _PATIENT,
        _MOMENT,
        Column("number", "whole", "place among the trials, from 0"),
        Column("ingredient", "text", "RxNorm ingredient name"),
        Column("start", "day", "first counted day"),
        Column("end", "day", "last counted day"),
        Column("ongoing", "yes", "still covered"),
        Column("undated", "yes", "known from a report without dates"),
        Column("days_sure", "whole", "days at an adequate dose that are certain"),
        Column("days_possible", "whole", "with those that are possible"),
        Column("adequacy", "text", "adequacy"),
        Column("outcome", "text", "outcome"),
        Column("basis", "text", "what the outcome rests on"),
        Column("grade", "text", "grade of the evidence"),
        Column("flags", "texts", "flags"),
        Column("sources", "texts", "references of the records behind it"),
    ),
)
ORDERS = Table(
    "orders",
    "one row for each past order of an antidepressant or augmenting agent, judged or not",
    ("patient", "order"),
    (
        _PATIENT,
        Column("order", "text", "MedicationRequest id"),
        Column("moment", "text", "the moment at which it was judged; None when it was not"),
        Column("ordered", "day", "day of the order"),
        Column("prescriber", "text", "requester"),
        Column("ingredients", "texts", "drugs ordered"),
        Column("why_not", "text", "why it was not judged"),
    ),
)
CARDS = Table(
    "cards",
    "one row for each card that would have been shown, most important first",
    ("patient", "moment", "number"),
    (
        _PATIENT,
        _MOMENT,
        Column("number", "whole", "place among the cards, from 0"),
        Column("kind", "text", "kind of card"),
        Column("indicator", "text", "info, warning or critical"),
        Column("finding", "text", "what is said, without a value of the patient"),
        Column("rules", "texts", "ids of the rules that made it"),
        Column("options", "texts", "ids of the options offered"),
        Column("lasting", "yes", "whether an answer may silence it"),
        Column("repeat_days", "whole", "days since the same finding on the same facts was last told; None: never"),
        Column("silenced_if_answered", "yes", "left out, had the clinician answered it then with a lasting reason"),
    ),
)
SET_ASIDE = Table(
    "set_aside",
    "one row for each resource that was not used at the last moment, and why",
    ("patient", "reference"),
    (_PATIENT, Column("reference", "text", "the resource"), Column("reason", "text", "why it was not used")),
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {one.name: one for one in (PATIENTS, ASSESSMENTS, DEFINITIONS, RULES, TRIALS, ORDERS, CARDS, SET_ASIDE)}
)


def sorted_rows(table: Table, rows: list[Row]) -> list[Row]:
    """`rows` in the order of the table's key."""
    return sorted(rows, key=lambda row: tuple(row[name] for name in table.key))

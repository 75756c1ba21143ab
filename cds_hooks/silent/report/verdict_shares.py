"""Verdicts by definition, and the published rules beside the shares that were published for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.silent.report.cells import Cells, Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, UNIT_PATIENT, VERDICTS, Tell, share
from mappings.load import Knowledge

_ANSWERS: Mapping[bool | None, str] = {True: "resistant", False: "notResistant", None: "cannotTell"}
_JUDGED = (
    "JOIN (SELECT patient FROM patients WHERE failed IS NULL AND drug_records > 0 AND moments > 0) USING (patient)"
)


def count_verdicts(run: Run, cells: Cells, knowledge: Knowledge) -> Tell:
    """Count the verdict of each definition at the last moment of each patient with a drug record."""
    counted: dict[str, dict[str, int]] = {}
    for definition, value, count in run.ask(
        f"SELECT d.definition, d.verdict, count(*) FROM definitions d JOIN last USING (patient, moment) {_JUDGED} "  # noqa: S608
        "GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        counted.setdefault(definition, {})[value or "none"] = count
    keys: dict[str, dict[str, Key]] = {}
    for definition, values in counted.items():
        keys[definition] = {
            value: cells.put(
                ("definition", definition, value), values.get(value, 0), spare=int(definition == run.definition)
            )
            for value in (*VERDICTS, *sorted(set(values) - set(VERDICTS)))
        }
        judged = sum(values.values())
        whole = JUDGED if judged == cells.count(JUDGED) else cells.put(("definition", definition), judged)
        cells.adds_up(whole, keys[definition].values())

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "chosen": run.definition,
            "definitions": [
                {
                    "definition": name,
                    "label": knowledge.definitions[name].label if name in knowledge.definitions else name,
                    "verdicts": {value: share(cells, key, _whole(cells, name)) for value, key in values.items()},
                }
                for name, values in sorted(keys.items(), key=lambda each: (each[0] != run.definition, each[0]))
            ],
        }

    return tell


def _whole(cells: Cells, definition: str) -> Key:
    own = ("definition", definition)
    return own if cells.has(own) else JUDGED


def count_published(run: Run, cells: Cells, knowledge: Knowledge) -> Tell:
    """Count the answers of the published rules, at the same moments, with what was published for each."""
    counted: dict[str, dict[str, int]] = {}
    for rule, resistant, count in run.ask(
        f"SELECT r.rule, r.resistant, count(*) FROM published_rules r JOIN last USING (patient, moment) {_JUDGED} "  # noqa: S608
        "GROUP BY 1, 2"
    ):
        counted.setdefault(rule, {})[_ANSWERS[resistant]] = count
    keys: dict[str, dict[str, Key]] = {}
    for rule, answers in sorted(counted.items()):
        keys[rule] = {
            answer: cells.put(("published", rule, answer), answers.get(answer, 0)) for answer in _ANSWERS.values()
        }
        cells.adds_up(cells.put(("published", rule), sum(answers.values())), keys[rule].values())
        if cells.count(("published", rule)) == cells.count(JUDGED):
            cells.adds_up(JUDGED, (("published", rule),))

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "rules": [
                {
                    "rule": rule,
                    "label": _label(rule, knowledge),
                    "answers": {answer: share(cells, key, ("published", rule)) for answer, key in answers.items()},
                    "published": _published(rule, knowledge),
                }
                for rule, answers in keys.items()
            ],
            "notComputed": [
                {"rule": one.id, "label": one.label, "why": one.why_not}
                for one in sorted(knowledge.clinical.comparisons.values(), key=lambda each: each.id)
                if not one.computable
            ],
        }

    return tell


def _label(rule: str, knowledge: Knowledge) -> str:
    known = knowledge.clinical.comparisons.get(rule)
    return known.label if known is not None else rule


def _published(rule: str, knowledge: Knowledge) -> list[dict[str, Any]]:
    known = knowledge.clinical.comparisons.get(rule)
    told = []
    for found in known.found if known is not None else ():
        latest = list(found.share.values.values())[-1]
        told.append({"population": found.population, "share": latest.amount, "cites": list(found.cites)})
    return told

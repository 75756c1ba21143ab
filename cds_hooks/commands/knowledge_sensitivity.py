"""`trd-cds knowledge sensitivity`: how often the label of a profile changes when one weight or anchor is moved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any

import typer

from cds_hooks.cohort.scaled_records import scaled_records
from cds_hooks.commands.knowledge_diff import Form
from cds_hooks.commands.knowledge_loading import day_or_today, load_knowledge
from cds_hooks.commands.printing import print_json, print_text
from mappings.load import Knowledge
from plugin.record import PatientRecord
from plugin.sensitivity import Baseline, Effect, baseline_of, effect_of, moves_of

_PERCENT = 100
_PATIENTS, _MOVED = 40, 20


def sensitivity(
    patients: Annotated[int, typer.Option("--patients", min=1, help="How many invented records.")] = _PATIENTS,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same records.")] = 1,
    by: Annotated[
        int, typer.Option("--by", min=1, max=_PERCENT - 1, help="How far each number is moved, in percent.")
    ] = _MOVED,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Day of judgement.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How to print the table.")] = Form.TEXT,
) -> None:
    """Move each weight and anchor of the symptom domains on its own; count changed labels on invented records."""
    knowledge, day = load_knowledge(), day_or_today(as_of)
    records = tuple(scaled_records(patients, seed=seed, as_of=day, knowledge=knowledge))
    baseline = baseline_of(records, knowledge=knowledge, as_of=day)
    effects = sorted(_effects(records, baseline, knowledge, day, by), key=_rank)
    if form is Form.JSON:
        print_json(_document(effects, baseline, knowledge, day, patients=patients, seed=seed, by=by))
    else:
        print_text("\n".join(_lines(effects, baseline, patients=patients, seed=seed, by=by)))


def _effects(
    records: Sequence[PatientRecord], baseline: Baseline, knowledge: Knowledge, day: date, by: int
) -> Iterator[Effect]:
    moves = list(moves_of(knowledge, as_of=day, share=by / _PERCENT))
    shown = typer.progressbar(moves, label="numbers moved", file=sys.stderr, hidden=not sys.stderr.isatty())
    with shown as bar:
        for move in bar:
            yield effect_of(move, records, baseline, as_of=day)


def _rank(effect: Effect) -> tuple[Any, ...]:
    move = effect.move
    return (-effect.label, -effect.named, move.kind, move.domains, move.indicator, move.place, move.after)


def _document(
    effects: Sequence[Effect], baseline: Baseline, knowledge: Knowledge, day: date, **manner: int
) -> dict[str, Any]:
    return {
        "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
        "asOf": day.isoformat(),
        **manner,
        "labels": dict(sorted(baseline.labels.items())),
        "effects": [
            {
                "kind": effect.move.kind,
                "domains": list(effect.move.domains),
                "indicator": effect.move.indicator,
                "place": effect.move.place,
                "before": effect.move.before,
                "after": effect.move.after,
                "concerned": effect.concerned,
                "labelChanged": effect.label,
                "domainsChanged": effect.named,
                "certaintyChanged": effect.certainty,
            }
            for effect in effects
        ],
    }


def _lines(effects: Sequence[Effect], baseline: Baseline, *, patients: int, seed: int, by: int) -> Iterator[str]:
    labels = ", ".join(f"{label} {count}" for label, count in sorted(baseline.labels.items()))
    yield f"{patients} invented records (seed {seed}): {labels}"
    yield f"Each weight and anchor moved by {by} % on its own; out of the records that have the indicator:"
    yield f"{'label':>7}{'domains':>9}{'certainty':>11}{'of':>5}  what was moved"
    for effect in effects:
        move = effect.move
        at = f"in family {move.place}" if move.kind == "weight" else f"for evidence {move.place}"
        what = f"{move.kind} of {move.indicator} {at} ({' '.join(move.domains)}): {move.before:g} to {move.after:g}"
        yield f"{effect.label:>7}{effect.named:>9}{effect.certainty:>11}{effect.concerned:>5}  {what}"

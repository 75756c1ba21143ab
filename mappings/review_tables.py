"""The tables of the basis for independent review: rules, definitions, weights and findings in force on a day.

What a site switched off is left out, what it changed is shown as changed. Pure: the day is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mappings.attribute_document import Row, Table
from mappings.describe import in_force, phrase, statements
from mappings.entries import entries
from mappings.fact_uses import rows_in_force
from mappings.load import Knowledge
from mappings.rule_schema import Rule
from mappings.schema import category_labels
from mappings.sources_in_force import is_in_force
from mappings.values import DatedValue

_STATUS = {
    "labelled-trd": "labelled for resistant depression",
    "labelled-depression": "labelled for depression",
    "cleared": "cleared device",
    "other-indication": "labelled for something else",
    "not-authorised": "not authorised",
    "no-label": "no label",
}


def definition_in_use(knowledge: Knowledge, day: date, definition: str) -> Table:
    """The parameters of the definition in use."""
    chosen = knowledge.written.definitions[definition]
    numbers = [(name, getattr(chosen, name)) for name in type(chosen).model_fields]
    rows = [
        Row(cells=(phrase((name,)), now(value, day)), sources=_cites(value, day))
        for name, value in numbers
        if isinstance(value, DatedValue)
    ]
    return Table(
        caption=f"The definition in use, {chosen.id}: {chosen.label}", head=("parameter", "value"), rows=(*rows,)
    )


def definitions(knowledge: Knowledge, day: date) -> Table:
    """All definitions that are shown side by side."""
    rows = (
        Row(cells=(one.id, one.label, knowledge.definitions_on(day)[one.id].summary), sources=one.cites)
        for one in knowledge.written.definitions.values()
    )
    return Table(caption="Definitions shown side by side", head=("id", "name", "what it asks for"), rows=(*rows,))


def decision_tables(knowledge: Knowledge) -> Table:
    """One row for each decision table in force, with what it may lead to."""
    found: dict[tuple[str, str], list[int]] = {}
    then: dict[tuple[str, str], dict[str, None]] = {}
    cites: dict[tuple[str, str], dict[str, None]] = {}
    labels: dict[tuple[str, str], str] = {}
    for row in rows_in_force(knowledge):
        key = (row.kind, row.id)
        labels[key] = row.label
        found.setdefault(key, []).append(len(row.when))
        then.setdefault(key, {}).update(dict.fromkeys(row.then))
        cites.setdefault(key, {}).update(dict.fromkeys(row.cites))
    rows = (
        Row(cells=(kind, name, labels[kind, name], "; ".join(then[kind, name])), sources=(*cites[kind, name],))
        for kind, name in found
    )
    return Table(
        caption="Safety rules, modifiers and checks in force",
        head=("kind", "id", "about", "may lead to"),
        rows=(*rows,),
    )


def options(knowledge: Knowledge, day: date) -> Table:
    """The options with tier, label status and what opens them."""
    rows = []
    for option in knowledge.clinical.options.values():
        if not knowledge.is_on(option.id):
            continue
        label = "; ".join(f"{where}: {_STATUS[one.status]}" for where, one in option.jurisdictions.items())
        needs = option.eligibility
        opens = f"after {now(needs.failed_trials, day)} failed trials" if needs is not None else "any time"
        rows.append(Row(cells=(option.id, option.label, option.tier, label, opens), sources=option.cites))
    return Table(
        caption="Options that may be listed", head=("id", "option", "evidence tier", "label", "opens"), rows=(*rows,)
    )


def rules_of_stage(caption: str, knowledge: Knowledge, letter: str) -> Table:
    """The rules of one stage: those whose id begins with `letter`."""
    return rules_table(caption, [rule for rule in knowledge.rules.values() if rule.id[0] == letter])


def rules_table(caption: str, rules: Iterable[Rule]) -> Table:
    """Rules of the catalogue in a table."""
    rows = (Row(cells=(rule.id, rule.title, rule.says), sources=rule.cites) for rule in rules)
    return Table(caption=caption, head=("rule", "about", "what it says"), rows=(*rows,))


def weights(knowledge: Knowledge, day: date) -> Table:
    """What each indicator, and each recorded diagnosis, weighs in its domain."""
    clinical = knowledge.clinical
    labels = category_labels(knowledge.conditions)
    members = []
    for domain in clinical.domains.values():
        for family in domain.families:
            for member in family.members:
                if knowledge.is_on(member.indicator):
                    label = clinical.indicators[member.indicator].label
                    needed = "yes" if family.mandatory else "no"
                    cells = (f"{domain.id}, {domain.label}", family.id, label, now(member.weight, day), needed)
                    members.append(Row(cells=cells, sources=_cites(member.weight, day)))
        for boost in domain.boosts:
            cells = (
                f"{domain.id}, {domain.label}",
                "diagnosis",
                labels[boost.category],
                f"+ {now(boost.share, day)}",
                "no",
            )
            members.append(Row(cells=cells, sources=_cites(boost.share, day)))
    return Table(
        caption="Weight of each indicator in its domain (one indicator of a family counts)",
        head=("domain", "family", "indicator", "weight", "one of these is needed"),
        rows=(*members,),
    )


def grades(knowledge: Knowledge, day: date) -> Table:
    """How well each option matches the domains."""
    graded = []
    for option in knowledge.clinical.options.values():
        dated = option.grades.values
        past = [since for since in dated if since <= day] or [min(dated)]
        held = dated[max(past)]
        if knowledge.is_on(option.id) and any(held.by_domain.values()):
            by = ", ".join(f"{name} {grade:g}" for name, grade in held.by_domain.items() if grade)
            graded.append(Row(cells=(option.id, option.label, by), sources=_unique(held.cites)))
    return Table(
        caption="Match of options with domains: 3 trial specific to the domain, 2 secondary analysis, "
        "1 mechanism or expert opinion, -1 plausible mismatch",
        head=("id", "option", "match"),
        rows=(*graded,),
    )


def thresholds(knowledge: Knowledge, day: date) -> Table:
    """The parameters that all domain scores share."""
    rows = (
        Row(cells=(phrase((name.replace("-", " "),)), now(value, day)), sources=_cites(value, day))
        for name, value in knowledge.clinical.scoring.parameters.items()
    )
    return Table(caption="Thresholds of the domain scores", head=("parameter", "value"), rows=(*rows,))


def ageing(knowledge: Knowledge, day: date) -> Table:
    """How fast evidence fades."""
    rows = (
        Row(cells=(one.id, now(one.half_life, day), now(one.expiry, day)), sources=_cites(one.half_life, day))
        for one in knowledge.clinical.scoring.recency
    )
    return Table(caption="How evidence ages", head=("kind of evidence", "half-life", "not used after"), rows=(*rows,))


def confidences(knowledge: Knowledge) -> Table:
    """How many facts in force are of which confidence."""
    graded: dict[str, int] = {}
    for entry in entries(knowledge):
        if is_in_force(entry, knowledge):
            for one in statements(entry.content):
                if one.confidence:
                    graded[one.confidence] = graded.get(one.confidence, 0) + 1
    rows = (
        Row(cells=(name, str(number), "no, until verified" if name == "low" else "yes"))
        for name, number in sorted(graded.items())
    )
    return Table(
        caption="Facts in force by the confidence of our reading",
        head=("confidence", "facts", "used to block or suggest"),
        rows=(*rows,),
    )


def findings(knowledge: Knowledge) -> Table:
    """What was found about each option."""
    rows = (
        Row(cells=(option.id, one.statement, one.confidence), sources=one.cites)
        for option in knowledge.clinical.options.values()
        if knowledge.is_on(option.id)
        for one in option.evidence
    )
    return Table(
        caption="What the sources found about each option, in our own words",
        head=("option", "finding", "confidence"),
        rows=(*rows,),
    )


def now(value: DatedValue, day: date) -> str:
    """The value of `day` in words; one of low confidence says so."""
    told = in_force(statements(value), day)
    return told.text if told is not None else f"{next(iter(statements(value))).text} (unverified, not used)"


def _cites(value: DatedValue, day: date) -> tuple[str, ...]:
    told = in_force(statements(value), day)
    return _unique(told.cites) if told is not None else ()


def _unique(cites: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cites))

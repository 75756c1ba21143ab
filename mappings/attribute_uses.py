"""What uses an attribute: the facts, codes, limits and scales that `Reads` recognises, followed to the rules in force.

A name that holds one of the attribute's words counts although nobody listed it, so that a fact about race that
somebody adds stands on the page at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from mappings.attribute_document import Use
from mappings.attribute_schema import AttributeStatement, AttributeStatements, Reads
from mappings.describe import in_force, phrase, statements
from mappings.fact_uses import RuleRow, rows_in_force, uses_of_facts
from mappings.load import Knowledge
from mappings.schema import ConditionCategory
from mappings.values import CodeSet


def uses(
    attribute: AttributeStatement, knowledge: Knowledge, day: date, *, patient_fields: Sequence[str]
) -> tuple[Use, ...]:
    """Everything in force that uses `attribute` on `day`.

    `patient_fields` is what is kept of a Patient resource.
    """
    reads = attribute.reads
    if reads is None:
        return ()
    rows = tuple(rows_in_force(knowledge))
    facts = facts_of(reads, knowledge)
    return (
        *_fields(reads, patient_fields),
        *_untested(facts, rows, knowledge),
        *_catalogue(reads, knowledge, day),
        *uses_of_facts(rows, facts, knowledge, day),
        *_conditions(reads, knowledge, day),
        *_limits(reads, rows, knowledge, day),
        *_doses(reads, knowledge, day),
        *_scales(reads, rows, knowledge),
    )


def facts_of(reads: Reads, knowledge: Knowledge) -> frozenset[str]:
    """The declared facts that hold the data: those listed, and those whose name or codes give them away."""
    clinical = knowledge.clinical
    categories = {one.id: one for one in knowledge.conditions.categories}
    held = set(reads.facts)
    for fact in clinical.facts.values():
        named = [categories[name] for name in fact.categories if name in categories]
        measure = clinical.measures.get(fact.measure or "")
        words = [fact.id, fact.label, *(word for one in named for word in (one.id, one.label))]
        words += [measure.id, measure.label] if measure is not None else []
        coded = any(_covers(reads, one) for one in named)
        if coded or any(names(reads, word) for word in words):
            held.add(fact.id)
    return frozenset(held)


def names(reads: Reads, text: str) -> bool:
    """Whether `text` holds one of the attribute's words as a whole word; hyphens and underscores part words."""
    plain = re.sub(r"[-_]", " ", text.lower())
    return any(re.search(rf"\b{re.escape(word)}\b", plain) for word in reads.words)


def unassigned(told: AttributeStatements, knowledge: Knowledge, patient_fields: Sequence[str]) -> tuple[str, ...]:
    """What is read of a patient and belongs to no attribute and to nothing that was reviewed as none of them."""
    reads = [one.reads for one in told.attributes if one.reads is not None]
    listed = {field for one in reads for field in one.patient_fields} | set(told.other_patient_fields)
    facts = frozenset[str]().union(*(facts_of(one, knowledge) for one in reads))
    fields = (f"Patient field {field}" for field in patient_fields if field not in listed)
    of_the_patient = (fact for fact in knowledge.clinical.facts.values() if fact.kind == "patient")
    return (*fields, *(f"fact {fact.id}" for fact in of_the_patient if fact.id not in facts))


def _fields(reads: Reads, patient_fields: Sequence[str]) -> Iterator[Use]:
    """What ingest keeps of a Patient resource, whether or not a rule asks for it."""
    for field in patient_fields:
        if field in reads.patient_fields or names(reads, field):
            then = ("kept of the Patient resource, and stated in the assessment",)
            yield Use(kind="data read", id=field, label="Patient resource", then=then)


def _untested(facts: frozenset[str], rows: Iterable[RuleRow], knowledge: Knowledge) -> Iterator[Use]:
    """Facts that could be asked for."""
    for fact in sorted(facts - {test.fact for row in rows for test in row.when}):
        then = ("declared; no rule in force asks for it",)
        yield Use(kind="fact", id=fact, label=knowledge.clinical.facts[fact].label, then=then)


def _catalogue(reads: Reads, knowledge: Knowledge, day: date) -> Iterator[Use]:
    for name, parameters in reads.rules.items():
        rule = knowledge.rules[name]
        amounts = tuple(
            f"{phrase((field,))}: {told.text}"
            for field in parameters
            if (told := in_force(statements(getattr(knowledge.written.reconstruction, field)), day)) is not None
        )
        yield Use(kind="rule", id=rule.id, label=rule.title, reads=amounts, then=(rule.says,), sources=rule.cites)


def _conditions(reads: Reads, knowledge: Knowledge, day: date) -> Iterator[Use]:
    """Categories of conditions that are read outside decision tables: they raise a domain or a level."""
    meant = {one.id: one for one in knowledge.conditions.categories if _is_meant(reads, one)}
    for domain in knowledge.clinical.domains.values():
        for boost in domain.boosts:
            if boost.category in meant:
                share = in_force(statements(boost.share), day)
                then = (f"raises the score by {share.text}" if share is not None else "raises the score",)
                reading = (meant[boost.category].label,)
                yield Use(kind="domain", id=domain.id, label=domain.label, reads=reading, then=then)
    for level in knowledge.clinical.suicidality.conditions:
        if level.category in meant:
            yield Use(
                kind="level of recorded suicidality",
                id=level.category,
                label=meant[level.category].label,
                then=(f"at least {level.level}",),
                sources=level.cites,
            )


def _is_meant(reads: Reads, category: ConditionCategory) -> bool:
    return _covers(reads, category) or names(reads, category.id) or names(reads, category.label)


def _limits(reads: Reads, rows: Iterable[RuleRow], knowledge: Knowledge, day: date) -> Iterator[Use]:
    """Usual ranges of a measure that differ between people; they count only where a rule asks for a position."""
    tested = (knowledge.clinical.facts[test.fact] for row in rows for test in row.when)
    placed = {fact.measure for fact in tested if fact.position is not None}
    for measure in knowledge.clinical.measures.values():
        held = {name: cut for name, cut in measure.cut_offs.items() if name in reads.cut_offs}
        if measure.id in placed and held:
            told = {name: in_force(statements(cut), day) for name, cut in held.items()}
            yield Use(
                kind="usual range",
                id=measure.id,
                label=measure.label,
                reads=tuple(f"{phrase((name.replace('-', ' '),))}: {one.text}" for name, one in told.items() if one),
                then=("used only where the laboratory sent no range of its own",),
                sources=tuple(dict.fromkeys(cite for one in told.values() if one for cite in one.cites)),
            )


def _doses(reads: Reads, knowledge: Knowledge, day: date) -> Iterator[Use]:
    for drug in knowledge.drugs.values():
        for field in reads.doses:
            dose = getattr(drug.adequate_dose, field, None)
            if dose is None:
                continue
            told = [one for one in (in_force(statements(part), day) for part in (dose.from_age, dose.amount)) if one]
            yield Use(
                kind="drug",
                id=drug.id,
                label=drug.label,
                reads=(f"from {told[0].text}",),
                then=(f"a dose from {told[1].text} on may be adequate",),
                sources=tuple(dict.fromkeys(cite for one in told for cite in one.cites)),
            )


def _scales(reads: Reads, rows: Iterable[RuleRow], knowledge: Knowledge) -> Iterator[Use]:
    """Each rating scale, test or status that is meant, with everything that it is used for."""
    clinical = knowledge.clinical
    purposes: dict[str, list[str]] = {}
    labels = {one.id: one.label for one in clinical.measures.values() if one.kind in reads.measure_kinds}
    sources = {one.id: one.cites for one in clinical.measures.values() if one.kind in reads.measure_kinds}
    if reads.scales_of_outcome:
        for scale in knowledge.instruments.values():
            labels[scale.id], sources[scale.id] = scale.label, scale.cites
            outcome = "global rating: no more than a proxy of an outcome" if scale.is_global else "outcome of trials"
            purposes.setdefault(scale.id, []).append(outcome)
        for severity in knowledge.staging.maudsley.severity:
            purposes.setdefault(severity.instrument, []).append("severity in Maudsley staging")
    screen, item = clinical.suicidality.screen, clinical.suicidality.item
    purposes.setdefault(screen.measure, []).append("level of recorded suicidality")
    purposes.setdefault(item.instrument, []).append(f"level of recorded suicidality (item {item.item})")
    for domain in clinical.domains.values():
        for family in domain.families:
            for member in family.members:
                if knowledge.is_on(member.indicator):
                    measure = clinical.indicators[member.indicator].measure
                    purposes.setdefault(measure, []).append(f"domain {domain.id} (indicator {member.indicator})")
    for row in rows:
        for test in row.when:
            fact = clinical.facts[test.fact]
            if fact.measure is not None:
                purposes.setdefault(fact.measure, []).append(f"{row.kind} {row.id}")
    for key in sorted(labels, key=lambda one: labels[one].lower()):
        if key in purposes:
            then = tuple(dict.fromkeys(purposes[key]))
            yield Use(kind="assessment", id=key, label=labels[key], then=then, sources=sources[key])


def _covers(reads: Reads, category: ConditionCategory) -> bool:
    return any(_overlap(reads, codes) for codes in category.code_sets)


def _overlap(reads: Reads, codes: CodeSet) -> bool:
    """A code of the set lies below a prefix of the attribute; a set that covers far more than it is not meant."""
    meant = reads.code_prefixes.get(codes.system, ())
    return any(code.startswith(prefix) for code in (*codes.exact, *codes.prefixes) for prefix in meant)

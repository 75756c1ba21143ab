"""The source attributes of the intervention, composed from the knowledge in force: they cannot drift from the rules.

Every use is found in the rules as they are deployed, a site's overlay and switches included; only what nobody can
derive is stated in ``source_attributes.yaml``. No clock: the day whose values hold is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from mappings.attribute_document import Attribute, InForce, Reference, SiteDecision, SourceAttributes
from mappings.attribute_schema import AttributeStatement, AttributeStatements
from mappings.attribute_uses import unassigned, uses
from mappings.independent_review import DataKind, basis
from mappings.load import Knowledge
from mappings.review import reviews
from mappings.sources_in_force import bibliography

__all__ = ["DataKind", "source_attributes"]


def source_attributes(
    told: AttributeStatements,
    knowledge: Knowledge,
    *,
    day: date,
    engine: str,
    patient_fields: Sequence[str],
    inputs: Sequence[DataKind],
    definition: str | None = None,
) -> SourceAttributes:
    """The whole answer for `day`; `definition` is the one in use (None: the default of the knowledge).

    `engine` is the version of the software, `patient_fields` what is kept of a Patient resource and `inputs` the kinds
    of data that a call reads: the knowledge itself does not know them.
    """
    sources, chosen = bibliography(knowledge), definition or knowledge.default_definition
    attributes = (
        _attribute(one, told, knowledge, day, sources=sources, patient_fields=patient_fields) for one in told.attributes
    )
    site = knowledge.site
    switched = knowledge.site.switches if knowledge.site is not None else {}
    return SourceAttributes(
        in_force=InForce(
            engine=engine,
            knowledge=knowledge.version,
            knowledge_hash=knowledge.content_hash,
            as_of=day,
            definition=chosen,
            site=site.site.name if site is not None else None,
            accepted_for_live_use=knowledge.accepted is not None,
        ),
        attributes=tuple(attributes),
        unassigned=unassigned(told, knowledge, patient_fields),
        basis=basis(told, knowledge, day, definition=chosen, inputs=inputs),
        site_changes=tuple(
            SiteDecision(path=one.path, before=one.before, after=one.after, who=one.who, when=one.when, why=one.why)
            for one in (site.changes if site is not None else ())
        ),
        switched_off=tuple(sorted({rule for rule, on in switched.items() if not on} | knowledge.rules_off)),
        bibliography=sources,
    )


def _attribute(
    one: AttributeStatement,
    told: AttributeStatements,
    knowledge: Knowledge,
    day: date,
    *,
    sources: Sequence[Reference],
    patient_fields: Sequence[str],
) -> Attribute:
    details = _DETAILS[one.id](one, told, knowledge, sources) if one.id in _DETAILS else ()
    found = uses(one, knowledge, day, patient_fields=patient_fields)
    empty = not found if one.reads is not None else not one.statement
    return Attribute(
        number=one.number,
        id=one.id,
        label=one.label,
        empty=empty,
        answer=one.none if empty else one.statement,
        details=details,
        uses=found,
        sources=one.cites,
    )


Details = Callable[[AttributeStatement, AttributeStatements, Knowledge, Sequence[Reference]], tuple[str, ...]]


def _citation(
    one: AttributeStatement, _: AttributeStatements, knowledge: Knowledge, sources: Sequence[Reference]
) -> tuple[str, ...]:
    proposal = knowledge.sources[one.proposal]
    firm = [source for source in sources if not source.unverified]
    kinds: dict[str, int] = {}
    for source in firm:
        kinds[source.kind] = kinds.get(source.kind, 0) + 1
    counted = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    return (
        f"Proposal translated: {' '.join(filter(None, (proposal.citation, proposal.url)))}",
        f"Sources that rules in force rely on: {len(firm)} ({counted}).",
    )


def _developer(
    _: AttributeStatement, told: AttributeStatements, knowledge: Knowledge, __: Sequence[Reference]
) -> tuple[str, ...]:
    site = knowledge.site
    if site is None:
        return (told.contact.text,)
    changed = (
        f"Changed at this site by {site.site.name}; accepted by {site.site.accepted_by} on {site.site.accepted_on}."
    )
    return (told.contact.text, changed)


def _dates(
    one: AttributeStatement, told: AttributeStatements, knowledge: Knowledge, sources: Sequence[Reference]
) -> tuple[str, ...]:
    held = reviews(knowledge)
    version = held["version.yaml"]
    looked = [review.last_reviewed for review in held.values()]
    due = [review.review_by for review in held.values()]
    proposal = next(iter(a.proposal for a in told.attributes if a.proposal))
    published = [source.published for source in sources if source.published and not source.unverified]
    lines = [
        f"Rule set {knowledge.version} of {version.last_reviewed}; content {knowledge.content_hash}.",
        f"Files: {len(held)}, last looked at from {min(looked)} to {max(looked)}; next to be looked at by {min(due)}.",
        f"The proposal translated was published on {knowledge.sources[proposal].published}; the sources in force are "
        f"of {min(published)[:4]} to {max(published)[:4]}.",
    ]
    if knowledge.site is not None and knowledge.site.changes:
        lines.append(f"Last change by the site: {max(change.when for change in knowledge.site.changes)}.")
    del one
    return tuple(lines)


_DETAILS: Mapping[str, Details] = {
    "bibliographic-citation": _citation,
    "developer": _developer,
    "dates": _dates,
}

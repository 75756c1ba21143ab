"""What a C-reactive protein too high to be scored asks for: a repeat, or a medical work-up when it stays high.

Nothing is asked for once a later value can be scored.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.load import Knowledge
from plugin.domains.indicators import Measurements
from plugin.findings import Reason


def crp_notices(measured: Measurements, amounts: Mapping[str, float], knowledge: Knowledge) -> tuple[Reason, ...]:
    """At most one notice about values above the limit of their indicator within its expiry."""
    limits = {i.id: i.ignored_above for i in knowledge.clinical.indicators.values() if knowledge.is_on(i.id)}
    taken = [
        (measured.take(knowledge.clinical.indicators[id_]), limit.on(measured.as_of), limit.unit)
        for id_, limit in limits.items()
        if limit is not None
    ]
    high = sorted(
        ((value, limit, unit) for one, limit, unit in taken for value in one.over),
        key=lambda found: (found[0].day, found[0].references),
    )
    usable = [one.value.day for one, _, _ in taken if one.value is not None]
    if not high or any(day > high[-1][0].day for day in usable):
        return ()
    first, (last, limit, unit) = high[0][0], high[-1]
    interval = amounts["crp-repeat-interval"]
    apart = (last.day - first.day).days
    facts: tuple[tuple[str, str | int | float], ...] = (
        ("date", last.day.isoformat()),
        ("value", last.said),
        ("limit", limit.amount),
        ("intervalDays", interval),
    )
    if apart >= interval:
        text = f"C-reactive protein above {limit.amount:g} {unit} twice, {apart} days apart: medical work-up, no score."
        uses = tuple(dict.fromkeys((*first.references, *last.references)))
        return (Reason(rule="D7", text=text, facts=(*facts, ("daysApart", apart)), cites=limit.cites, uses=uses),)
    text = (
        f"C-reactive protein above {limit.amount:g} {unit} on {last.day} may be acute inflammation and is not scored: "
        f"repeat after {interval:g} days or more."
    )
    return (Reason(rule="D6", text=text, facts=facts, cites=limit.cites, uses=last.references),)

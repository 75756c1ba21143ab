"""What goes beside what: psychotherapy or chronotherapy for the leading biological option, what may run together and
what may not.

Only options that are listed are named, so that nothing blocked comes back as a companion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mappings.arranged import Arranged
from mappings.option_schema import Option as Treatment
from mappings.order_schema import Strategies
from plugin.findings import Reason

_BIOLOGICAL = frozenset({"drug", "procedure"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """One therapy beside the leading option and the form that fits the domains."""

    therapy: str
    form: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The leading biological option with its companions, the fitting one first, and what is known of running it
    beside other options (`together`, the companions included, and `apart`).
    """

    leading: str
    companions: tuple[Companion, ...]
    together: tuple[Reason, ...]
    apart: tuple[Reason, ...]

    @property
    def therapy(self) -> str:
        """The option id of the first companion, empty where there is none."""
        return self.companions[0].therapy if self.companions else ""

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of all companions, in order."""
        return tuple(one.form for one in self.companions)


def pairing_of(
    ranked: Sequence[Treatment], adjuncts: Sequence[Treatment], strategies: Strategies, *, domains: Collection[str]
) -> Pairing | None:
    """The pairing for the first biological option of `ranked`; None where there is none.

    `adjuncts` are the listed therapies; forms for the named domains come first, then those for any.
    """
    leading = next((one for one in ranked if one.kind in _BIOLOGICAL), None)
    if leading is None:
        return None
    offered = {one.id: one for one in adjuncts}
    fitting = [
        p for p in strategies.pairings if p.therapy in offered and (not p.domains or set(p.domains) & {*domains})
    ]
    fitting.sort(key=lambda p: not p.domains)
    labels = {one.id: one.label for one in (*ranked, *adjuncts)}
    companions = tuple(
        Companion(
            therapy=p.therapy,
            form=p.form,
            reason=Reason(
                rule="L7",
                text=f"{_upper(p.form)} beside {leading.label}: {p.statement}",
                facts=(("therapy", p.therapy), ("confidence", p.confidence)),
                cites=p.cites,
            ),
        )
        for p in fitting
    )
    beside = [_told(labels, each, "may run beside") for each in _together(leading.id, strategies, labels)]
    apart = [_told(labels, each, "not beside") for each in _apart(leading.id, strategies, labels)]
    return Pairing(
        leading=leading.id,
        companions=companions,
        together=(*(one.reason for one in companions), *beside),
        apart=tuple(apart),
    )


def companions_of(option: str, strategies: Strategies, listed: Sequence[Treatment]) -> tuple[str, ...]:
    """The listed therapies and devices that may run beside a drug or procedure; none for a therapy itself."""
    kinds = {one.id: one.kind for one in listed}
    if kinds.get(option) not in _BIOLOGICAL:
        return ()
    apart = set(not_beside(option, strategies, kinds))
    therapies = {p.therapy for p in strategies.pairings}
    return tuple(one.id for one in listed if one.id in therapies and one.id not in apart)


def not_beside(option: str, strategies: Strategies, listed: Collection[str]) -> tuple[str, ...]:
    """The listed options that may not run at the same time as `option`, in order of id."""
    return tuple(sorted(_never_beside(strategies).get(option, frozenset()).intersection(listed) - {option}))


def _arranged(strategies: Strategies) -> Mapping[str, frozenset[str]]:
    """For each option those that may not run at the same time."""
    found: dict[str, set[str]] = {}
    for each in strategies.apart:
        against = each.against or each.options
        for one, other in ((each.options, against), (against, each.options)):
            for option in one:
                found.setdefault(option, set()).update(other)
    return {option: frozenset(others) for option, others in found.items()}


_never_beside = Arranged(_arranged)
_Relation = tuple[str, tuple[str, ...], str, tuple[str, ...]]


def _apart(option: str, strategies: Strategies, listed: Collection[str]) -> Iterator[_Relation]:
    for one in strategies.apart:
        yield from _relations(option, one.options, one.against or one.options, one.statement, one.cites, listed)


def _together(option: str, strategies: Strategies, listed: Collection[str]) -> Iterator[_Relation]:
    for one in strategies.together:
        beside = one.beside or (option,)  # with none named it goes beside any
        yield from _relations(option, one.options, beside, one.statement, one.cites, listed)


def _relations(
    option: str,
    one: Sequence[str],
    other: Sequence[str],
    statement: str,
    cites: tuple[str, ...],
    listed: Collection[str],
) -> Iterator[_Relation]:
    """The statement where `option` stands on either side, with the listed options of the other side."""
    sides = {*(other if option in one else ()), *(one if option in other else ())}
    others = tuple(sorted(sides.intersection(listed) - {option})) if sides else ()
    if others:
        yield option, others, statement, cites


def _told(labels: Mapping[str, str], relation: _Relation, how: str) -> Reason:
    option, others, statement, cites = relation
    names = ", ".join(labels[other] for other in others)
    text = f"{_upper(labels[option])} {how} {names}: {statement}"
    return Reason(rule="L7", text=text, facts=(("option", option), ("others", " ".join(others))), cites=cites)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]

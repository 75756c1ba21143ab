"""Rows of the RxNorm code table from a release: which drugs a concept holds, how strong, in which salt and form."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mappings.load import Knowledge
from mappings.products import words_of
from mappings.rrf import Release
from mappings.rxnorm_ingredients import ingredients_of
from mappings.rxnorm_names import Component, pack_parts, read_name

COLUMNS = (
    *("rxcui", "tty", "name", "ingredients", "strengths", "per", "salts", "dose_form", "release", "pack"),
    "confidence",
)
Row = dict[str, str]

_BRANDED = frozenset({"BN", "SBDC", "SBDF", "SBDG", "SBD", "BPCK"})
_PACKS = frozenset({"GPCK", "BPCK"})
_PRODUCTS = frozenset({"SCD", "SBD"})
# Dose forms of RxNorm that imply a release form of their own, in the order tried; `dosing.yaml` names the others.
_FORMS = (
    (re.compile(r"nasal", re.IGNORECASE), "nasal"),
    (re.compile(r"sublingual", re.IGNORECASE), "SL"),
    (re.compile(r"inject|syringe", re.IGNORECASE), "injection"),
    (re.compile(r"topical|cream|ointment", re.IGNORECASE), "topical"),
)
_PLAIN = (
    (re.compile(r"suspension", re.IGNORECASE), "suspension"),
    (re.compile(r"solution", re.IGNORECASE), "solution"),
    (re.compile(r"tablet|capsule", re.IGNORECASE), "IR"),
)
_PACK_FORM = "Pack"


@dataclass(frozen=True, slots=True)
class Part:
    """One ingredient of a concept: drug id or plain name, salt, and mg per ``unit`` or ``mL`` (None: not stated)."""

    ingredient: str
    salt: str = ""
    amount: float | None = None
    per: str = ""


class RowMaker:
    """Makes the rows of one release for the drugs of `knowledge`."""

    def __init__(self, release: Release, knowledge: Knowledge) -> None:
        """Find the ingredients of the release that are drugs of the knowledge, by name first, then by code."""
        self._release, self._knowledge = release, knowledge
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._mg = {unit: one.factor for one in knowledge.dosing.units if one.to == "mg" for unit in one.written}
        self._hours = round(1 / knowledge.dosing.period_days["h"])
        self._combined = {frozenset(drug.parts): drug.id for drug in knowledge.drugs.values() if drug.parts}
        self.ingredients, self.notes = ingredients_of(release, knowledge)

    def rows(self) -> dict[str, Row]:
        """Every concept of the release that holds one of our drugs, by RxCUI."""
        made = (self._row(rxcui) for rxcui, (tty, _) in self._release.names.items() if tty != "DF")
        return {row["rxcui"]: row for row in made if row is not None}

    def _row(self, rxcui: str) -> Row | None:
        tty, name = self._release.names[rxcui]
        parts = self._combine(self.parts(rxcui), tty)
        if not any(part.ingredient in self._knowledge.drugs for part in parts):
            return None
        pers = {part.per for part in parts if part.amount is not None}
        stated = len(pers) == 1 and all(part.amount is not None for part in parts) and tty not in _PACKS
        salts = tty not in _PACKS and any(part.salt for part in parts)
        form = _PACK_FORM if tty in _PACKS else self._dose_form(rxcui)
        return {
            "rxcui": rxcui,
            "tty": tty,
            "name": name,
            "ingredients": "+".join(part.ingredient for part in parts),
            "strengths": "+".join(_plain(part.amount) for part in parts) if stated else "",
            "per": pers.pop() if stated else "",
            "salts": "+".join(part.salt for part in parts) if salts else "",
            "dose_form": form,
            "release": self._release_form(name, form),
            "pack": self._pack(rxcui, name, parts) if tty in _PACKS else "",
            "confidence": "high",
        }

    def parts(self, rxcui: str) -> tuple[Part, ...]:
        """The ingredients of a concept in alphabetical order; empty when no relation leads to one."""
        if rxcui not in self._parts:
            self._parts[rxcui] = ()  # a circle of relations ends here
            found = sorted(_merged(self._read(rxcui)), key=lambda part: part.ingredient)
            self._parts[rxcui] = tuple(found)
        return self._parts[rxcui]

    def _read(self, rxcui: str) -> Iterable[Part]:
        tty, name = self._release.names[rxcui]
        if tty == "IN":
            return (Part(self.ingredients[rxcui]),)
        if tty == "PIN":
            return self._salted(self._below(rxcui, "form_of"), name)
        if tty == "MIN":
            return self._below(rxcui, "has_part", "has_ingredient")
        if tty in _PACKS:
            return self._below(rxcui, "contains") or self._below(rxcui, "tradename_of")
        if tty in _BRANDED:
            return self._below(rxcui, "tradename_of") or self._below(rxcui, "consists_of")
        if tty == "SCDC":
            return self._component(rxcui, name)
        if tty == "SCD":
            below = self._below(rxcui, "consists_of") or self._below(rxcui, "has_ingredients", "has_ingredient")
            return self._whole(rxcui, name, below)
        return self._below(rxcui, "has_ingredient", "has_ingredients")

    def _below(self, rxcui: str, *relations: str) -> list[Part]:
        return [
            part
            for relation in relations
            for other in self._release.related(rxcui, relation)
            for part in self.parts(other)
        ]

    def _component(self, rxcui: str, name: str) -> list[Part]:
        """An ingredient with its strength and the salt in which the name expresses it.

        The precise ingredient is not the salt meant here: sertraline 100 MG is a hydrochloride, weighed as base.
        """
        below = self._below(rxcui, "has_ingredient") or self._below(rxcui, "has_precise_ingredient")
        stated = read_name(name).components
        if len(below) != 1 or len(stated) != 1:
            return below
        amount, per = self._strength(stated[0])
        return [dataclasses.replace(self._salted(below, stated[0].substance)[0], amount=amount, per=per)]

    def _whole(self, rxcui: str, name: str, below: list[Part]) -> list[Part]:
        """A clinical drug: its components, with the strength NLM states where a component has none; a single-use
        nasal device counts as one unit.
        """
        read = read_name(name)
        missing = [part for part in below if part.amount is None]
        if missing and len(below) == 1:
            stated = read_name(f"- {self._release.available.get(rxcui, '')}").components
            amount, per = self._strength((*read.components, *stated)[0 if read.components[0].amount else -1])
            below = [dataclasses.replace(below[0], amount=amount, per=per)]
        held = read.quantity or self._only_quantity(rxcui)
        nasal = self._release_form(name, self._dose_form(rxcui)) == "nasal"
        if nasal and held is not None and held[1] == "ML":
            return [
                dataclasses.replace(part, amount=part.amount * held[0], per="unit")
                if part.amount is not None and part.per == "mL"
                else part
                for part in below
            ]
        return below

    def _only_quantity(self, rxcui: str) -> tuple[float, str] | None:
        """The quantity of the only form in which an unquantified drug is sold."""
        forms = self._release.related(rxcui, "has_quantified_form")
        return read_name(self._release.names[forms[0]][1]).quantity if len(forms) == 1 else None

    def _strength(self, stated: Component) -> tuple[float | None, str]:
        factor = self._mg.get(stated.unit)
        if stated.amount is None or factor is None:
            return None, ""
        amount = stated.amount * factor
        if stated.per == "HR":
            return amount * self._hours, "unit"
        return (
            (amount, "mL") if stated.per == "ML" else (amount, "unit") if stated.per in {"", "ACTUAT"} else (None, "")
        )

    def _salted(self, below: list[Part], substance: str) -> list[Part]:
        """The single part with the words that `substance` has after the ingredient's own."""
        if len(below) != 1:
            return below
        drug = self._knowledge.drugs.get(below[0].ingredient)
        known = (drug.label, *drug.names) if drug else (below[0].ingredient,)
        for own in sorted(known, key=len, reverse=True):
            if substance.lower().startswith(f"{own.lower()} "):
                return [dataclasses.replace(below[0], salt=substance[len(own) :].strip().lower())]
        return below

    def _combine(self, parts: tuple[Part, ...], tty: str) -> tuple[Part, ...]:
        """A fixed combination that is one drug, counted in units."""
        drug = self._combined.get(frozenset(part.ingredient for part in parts))
        if drug is None:
            return parts
        return (Part(drug, amount=1, per="unit") if tty in _PRODUCTS else Part(drug),)

    def _dose_form(self, rxcui: str) -> str:
        """As related; else as the name says; of a brand, that of what it is a brand of."""
        tty, name = self._release.names[rxcui]
        for form in self._release.relations.get(rxcui, {}).get("has_dose_form", ()):
            if form in self._release.names:
                return self._release.names[form][1]
        if tty in _PRODUCTS:
            return read_name(name).dose_form
        if tty in _BRANDED:
            targets = self._release.related(rxcui, "tradename_of")
            return self._dose_form(targets[0]) if len(targets) == 1 else ""
        if tty in {"SCDF", "SCDG"}:
            last = name.rsplit(" / ", 1)[-1]
            words = [
                self._release.names[one][1]
                for one in self.ingredients
                if last.lower().startswith(f"{self._release.names[one][1].lower()} ")
            ]
            return last[len(max(words, key=len)) :].strip() if words else ""
        return ""

    def _release_form(self, name: str, form: str) -> str:
        if form == _PACK_FORM:
            return "ER" if "extended release" in name.lower() else "pack"
        spoken = f" {' '.join(words_of(f'{name} {form}'))} "
        if not form:
            return ""
        for pattern, release in _FORMS:
            if pattern.search(form):
                return release
        for release, words in self._knowledge.dosing.releases.items():
            if any(f" {' '.join(words_of(word))} " in spoken for word in words):
                return release
        return next((release for pattern, release in _PLAIN if pattern.search(form)), "")

    def _pack(self, rxcui: str, name: str, parts: tuple[Part, ...]) -> str:
        """Count and mg of the only rated ingredient, part by part; empty when there are several or one is unclear."""
        rated = [part.ingredient for part in parts if part.ingredient in self._knowledge.drugs]
        if len(rated) != 1:
            return ""
        inside = {self._release.names[one][1]: one for one in self._release.related(rxcui, "contains")}
        listed = []
        for count, told in pack_parts(name):
            held = self.parts(inside[told]) if told in inside else self._told(told, rated[0])
            amounts = [part.amount for part in held if part.ingredient == rated[0]]
            if not held or None in amounts:
                return ""
            listed += [f"{count}x{_plain(amount)}" for amount in amounts]
        return "/".join(listed)

    def _told(self, name: str, ingredient: str) -> tuple[Part, ...]:
        """A part of a pack that is no concept of its own, read from its name alone."""
        read = read_name(name)
        if len(read.components) != 1:
            return ()
        amount, per = self._strength(read.components[0])
        if amount is not None and per == "mL" and read.quantity is not None and read.quantity[1] == "ML":
            amount, per = amount * read.quantity[0], "unit"
        return (Part(ingredient, amount=amount, per=per),)


def _merged(parts: Iterable[Part]) -> list[Part]:
    """One part per ingredient; where its strengths differ none is stated."""
    grouped: dict[str, list[Part]] = {}
    for part in parts:
        grouped.setdefault(part.ingredient, []).append(part)
    merged = []
    for same in grouped.values():
        strengths = {(part.amount, part.per) for part in same}
        salts = {part.salt for part in same}
        amount, per = strengths.pop() if len(strengths) == 1 else (None, "")
        merged.append(Part(same[0].ingredient, salts.pop() if len(salts) == 1 else "", amount, per))
    return merged


def _plain(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.10g}"

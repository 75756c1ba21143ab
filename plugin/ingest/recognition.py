"""Which product a medication is: from its codes, else from its words.

Looked up in this order: RxNorm, a site's own codes, NDC, ATC, SNOMED CT, names in displays and text. Of several
codings the most specific RxNorm concept gives strength, release form and pack. A code outranks the words beside it;
disagreement is flagged, never settled silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.load import Knowledge
from mappings.products import CodedIngredients, ProductRow, Strength
from mappings.schema import Drug, Equivalence, ExcludedProduct
from plugin.ingest.codings import Coding
from plugin.ingest.product_words import Wording, read_wording
from plugin.ingest.written_strengths import strengths_in
from plugin.record import Component, PackPart, Product

_SALT_LEVEL = "PIN"
_TRUSTED = ("rxnorm", "site", "ndc", "atc", "snomed")  # the first of these that knows the product speaks for it
_NDC_LENGTH = 11
_NDC_PARTS = (5, 4, 2)


@dataclass(frozen=True, slots=True)
class _Coded:
    """One coding that leads to drugs of the knowledge."""

    by: str
    ingredients: tuple[str, ...]
    row: ProductRow | None = None
    brand: str = ""


def recognise(
    codings: Sequence[Mapping[str, object] | Coding],
    text: str,
    knowledge: Knowledge,
    jurisdiction: str = "us",
) -> Product | None:
    """The product that `codings` (raw FHIR Codings, any junk tolerated) and `text` stand for.

    None when no ingredient of the knowledge is found. `jurisdiction` decides which products count as labelled for
    another use (`Product.excluded_for`).
    """
    sent = [_clean(coding) for coding in codings if isinstance(coding, Mapping | Coding)]
    texts = tuple(dict.fromkeys(shown for shown in (*(coding.display for coding in sent), _text(text)) if shown))
    wording = read_wording(texts, knowledge)
    hits = list(_coded(sent, wording, knowledge))
    if not hits and any((knowledge.system_of(one.system), one.code) in knowledge.products.others for one in sent):
        return None  # a code outranks the words beside it, also when it says that the drug is another one
    flags: list[str] = []
    best, ingredients = _choose(hits, wording, knowledge, flags)
    if not any(one in knowledge.drugs for one in ingredients):
        return None
    row = best.row if best else None
    release = (row.release if row else "") or wording.release(knowledge)
    shown = Wording(words=(*wording.words, *read_wording(_own_words(best), knowledge).words))
    look = _Look(sent, row, release, shown, knowledge, jurisdiction)
    components = tuple(
        look.component(one, _strength(one, row, wording, knowledge, flags))
        for one in ingredients
        if one in knowledge.drugs
    )
    pack = look.pack(components)
    if not pack and any(component.amount is None for component in components):
        flags.append("strength-unknown")
    return Product(
        label=_label(row, components, knowledge),
        components=components,
        recognised_by=best.by if best else "text",
        release=release,
        pack=pack,
        excluded_for=next((use for one in components if (use := look.other_use(one.ingredient))), None),
        flags=tuple(dict.fromkeys(flags)),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _clean(coding: Mapping[str, object] | Coding) -> Coding:
    if isinstance(coding, Coding):
        return Coding(coding.system.strip(), coding.code.strip(), coding.display.strip())
    return Coding(*(_text(coding.get(key)) for key in ("system", "code", "display")))


def _coded(sent: Iterable[Coding], wording: Wording, knowledge: Knowledge) -> Iterable[_Coded]:
    index = knowledge.products
    for coding in sent:
        system = knowledge.system_of(coding.system)
        row = index.rxnorm.get(coding.code)
        # A bare number without a system is taken for an RxCUI only if the words beside it agree.
        if row and (system == "rxnorm" or (not coding.system and _overlap(row.ingredients, wording, knowledge))):
            if not row.low or not wording.ingredients or _overlap(row.ingredients, wording, knowledge):
                yield _Coded("rxnorm", row.ingredients, row)
        elif (system or "", coding.code) in index.local:
            local = index.local[system or "", coding.code]
            yield _Coded("site", local.ingredients, local)
        elif system in ("ndc", "atc", "snomed"):
            found = _by_ndc(coding.code, index.ndc) if system == "ndc" else getattr(index, system).get(coding.code)
            if found:
                yield _Coded(system, found.ingredients, brand=found.brand)


def _by_ndc(code: str, table: Mapping[str, CodedIngredients]) -> CodedIngredients | None:
    """NDC of ten or eleven digits, with or without hyphens; ten bare digits only when all readings agree."""
    parts = code.split("-")
    if not all(part.isdecimal() for part in parts):
        return None
    if len(parts) == len(_NDC_PARTS):
        readings = ["".join(part.zfill(width) for part, width in zip(parts, _NDC_PARTS, strict=True))]
    elif len(parts) == 1 and len(code) == _NDC_LENGTH - 1:
        readings = [f"0{code}", f"{code[:5]}0{code[5:]}", f"{code[:9]}0{code[9:]}"]
    else:
        readings = [code]
    found = {table[reading] for reading in readings if reading in table}
    return found.pop() if len(found) == 1 else None


def _parts(ingredients: Iterable[str], knowledge: Knowledge) -> frozenset[str]:
    """Drug ids, with a fixed combination that is one drug taken apart."""
    drugs = knowledge.drugs
    return frozenset(part for one in ingredients for part in ((one in drugs and drugs[one].parts) or (one,)))


def _overlap(ingredients: Iterable[str], wording: Wording, knowledge: Knowledge) -> bool:
    return bool(_parts(ingredients, knowledge) & _parts(wording.ingredients, knowledge))


def _specificity(hit: _Coded) -> tuple[bool, bool, bool, bool, bool]:
    row = hit.row
    if row is None:
        return (False,) * 5
    strong = any(row.strengths)
    return bool(row.pack), strong and bool(row.dose_form), strong, bool(row.dose_form), row.tty == _SALT_LEVEL


def _choose(
    hits: Sequence[_Coded], wording: Wording, knowledge: Knowledge, flags: list[str]
) -> tuple[_Coded | None, tuple[str, ...]]:
    """The coding that speaks for the product, and the ingredients of the product."""
    if not hits:
        return None, _one_product(wording.ingredients, knowledge, flags)
    first = next(by for by in _TRUSTED if any(hit.by == by for hit in hits))
    best = max((hit for hit in hits if hit.by == first), key=_specificity)
    ingredients, own = best.ingredients, _parts(best.ingredients, knowledge)
    vague = best.row is None or not (any(best.row.strengths) or best.row.pack)
    together = tuple(dict.fromkeys(one for hit in hits for one in hit.ingredients))
    if vague and _is_combination(together, knowledge):
        ingredients = together
    elif vague and own < _parts(wording.ingredients, knowledge) and _is_one_product(wording.ingredients, knowledge):
        ingredients = wording.ingredients
    whole = _parts(ingredients, knowledge)
    if any(not (other <= whole or whole <= other) for hit in hits if (other := _parts(hit.ingredients, knowledge))):
        flags.append("codes-conflict")
    if wording.ingredients and not _overlap(ingredients, wording, knowledge):
        flags.append("display-conflict")
    return best, ingredients


def _one_product(ingredients: tuple[str, ...], knowledge: Knowledge, flags: list[str]) -> tuple[str, ...]:
    """Drugs that words name together: a known combination, else only the first and a flag."""
    if _is_one_product(ingredients, knowledge):
        return ingredients
    flags.append("codes-conflict")
    return ingredients[:1]


def _is_one_product(ingredients: tuple[str, ...], knowledge: Knowledge) -> bool:
    return len(ingredients) <= 1 or _is_combination(ingredients, knowledge)


def _is_combination(ingredients: tuple[str, ...], knowledge: Knowledge) -> bool:
    return len(ingredients) > 1 and any(set(ingredients) <= known for known in knowledge.products.combinations)


def _strength(
    ingredient: str, row: ProductRow | None, wording: Wording, knowledge: Knowledge, flags: list[str]
) -> Strength | None:
    if knowledge.drugs[ingredient].parts:
        return Strength(1.0, "count")  # a fixed combination that is one drug is counted in units
    coded = row.strengths[row.ingredients.index(ingredient)] if row and ingredient in row.ingredients else None
    if row and row.pack:
        return None
    if coded is None:
        written = wording.strength_of(ingredient)
        if written is not None:
            flags.append("strength-from-text")
        return written
    accepted = {coded, *strengths_in(row.name)} if row else {coded}
    if wording.strengths.get(ingredient, frozenset()) - accepted:
        flags.append("display-conflict")
    return coded


def _own_words(best: _Coded | None) -> tuple[str, ...]:
    return tuple(words for words in (best.row.name if best.row else "", best.brand) if words) if best else ()


def _label(row: ProductRow | None, components: Sequence[Component], knowledge: Knowledge) -> str:
    if row is not None and (any(row.strengths) or row.pack):
        return row.name
    return " / ".join(knowledge.drugs[component.ingredient].label for component in components)


@dataclass(frozen=True)
class _Look:
    """What is seen of one product when it is compared with the special products of a drug."""

    sent: Sequence[Coding]
    row: ProductRow | None
    release: str
    words: Wording
    knowledge: Knowledge
    jurisdiction: str

    def component(self, ingredient: str, strength: Strength | None) -> Component:
        drug = self.knowledge.drugs[ingredient]
        special = next((rule for rule in drug.equivalences if self._is(rule, drug)), None)
        return Component(
            ingredient=ingredient,
            amount=strength.amount if strength else None,
            per=strength.per if strength else "unit",
            equivalence=special.factor if special else 1.0,
        )

    def pack(self, components: Sequence[Component]) -> tuple[PackPart, ...]:
        if self.row is None or not self.row.pack or len(components) != 1:
            return ()
        only = components[0]
        return tuple(
            PackPart(
                count=count,
                components=(Component(ingredient=only.ingredient, amount=amount, equivalence=only.equivalence),),
            )
            for count, amount in self.row.pack
        )

    def other_use(self, ingredient: str) -> str | None:
        """The labelled use other than depression of this very product, None if there is none."""
        drug = self.knowledge.drugs[ingredient]
        for rule in drug.excluded_products:
            here = not rule.jurisdictions or self.jurisdiction in rule.jurisdictions
            every = not (rule.codes or rule.names or rule.dose_forms)
            form = self.row is not None and self.row.dose_form in rule.dose_forms
            if here and (every or form or self._is(rule, drug)):
                return rule.what
        return None

    def _is(self, rule: Equivalence | ExcludedProduct, drug: Drug) -> bool:
        coded = {(code.system, code.code) for code in rule.codes}
        if any((self.knowledge.system_of(coding.system), coding.code) in coded for coding in self.sent):
            return True
        if self.row is not None and ("rxnorm", self.row.code) in coded:
            return True
        if isinstance(rule, Equivalence):
            salt = (
                self.row.salts[self.row.ingredients.index(drug.id)]
                if self.row and drug.id in self.row.ingredients
                else ""
            )
            if (salt and salt in rule.salts) or any(self.words.say(name) for name in rule.salts):
                return True
            if self.release and self.release in rule.releases:
                return True
        return any(self.words.say(name) for name in rule.names)

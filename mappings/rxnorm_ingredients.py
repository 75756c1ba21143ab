"""Which ingredients of a release are drugs of the knowledge: by name first, then by the codes that the files list."""

from __future__ import annotations

from mappings.load import Knowledge
from mappings.products import words_of
from mappings.rrf import Release


def ingredients_of(release: Release, knowledge: Knowledge) -> tuple[dict[str, str], tuple[str, ...]]:
    """Each ingredient of the release as a drug id, or its plain name; and what a person should look at."""
    by_name = {
        words_of(name): drug.id
        for drug in knowledge.drugs.values()
        if not drug.parts
        for name in (drug.label, *drug.names)
    }
    listed = {
        code.code: drug.id
        for drug in knowledge.drugs.values()
        for code in drug.codes
        if code.system == "rxnorm" and code.confidence != "low"
    }
    by_code = {
        code: row.ingredients[0]
        for code, row in knowledge.products.rxnorm.items()
        if row.tty == "IN" and len(row.ingredients) == 1 and not row.low
    }
    found: dict[str, str] = {}
    notes: list[str] = []
    for rxcui, (tty, name) in release.names.items():
        if tty != "IN":
            continue
        named, coded = by_name.get(words_of(name)), listed.get(rxcui, by_code.get(rxcui))
        found[rxcui] = named or coded or name.lower().replace("+", " ")
        if named and coded and named != coded:
            notes.append(f"{rxcui} {name}: listed as {coded}, the name is that of {named}; correct drugs/{coded}.yaml")
        elif named and named not in listed.values():
            notes.append(f"{rxcui} {name}: add this ingredient code to drugs/{named}.yaml")
    for code, drug_id in listed.items():
        if code not in release.names:
            notes.append(f"{code}: listed in drugs/{drug_id}.yaml, not in the release")
    return found, tuple(sorted(notes))

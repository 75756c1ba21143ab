"""Every way of asking one server for one patient's data: which answer, what they bring, and which the service uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

from cds_hooks.ehr.capability import Capability
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import Search, Variant, Wanted, ordered
from cds_hooks.ehr.versions import refusal
from cds_hooks.envelope import Resource
from cds_hooks.errors import PatientMismatch
from cds_hooks.medications import missing_medications
from cds_hooks.patient_guard import refuse_other_patient
from cds_hooks.probing.asking import Asker
from cds_hooks.probing.lines import Line, Purpose, Survey, each_once, form_of, is_way, names_either_way, sent_along
from cds_hooks.probing.wanted import wanted_by
from cds_hooks.references import type_and_id

Reason = Literal["address", "private", "version", "patient"]
Tell = Callable[[str], None]
# The service reads no more medications by their ids in one call.
MEDICATIONS_AT_MOST = 60
_OTHER_FORM: Mapping[PatientForm, PatientForm] = {"bare": "typed", "typed": "bare"}
_SILENT = frozenset({"unreachable", "timeout", "refused-address", "redirected"})


class NotProbed(Exception):  # noqa: N818 - an answer to the user
    """The server cannot be surveyed. `why` is a sentence without address; `kind` says which remedy helps."""

    def __init__(self, why: str, kind: Reason) -> None:
        super().__init__(why)
        self.why, self.kind = why, kind


async def survey(
    asker: Asker,
    patient_id: str,
    *,
    searches: Mapping[str, Search],
    wanted: Mapping[str, tuple[Wanted, ...]],
    tell: Tell,
) -> Survey:
    """Ask in every way. `tell` hears one short line for each. NotProbed when there is nothing to ask or nobody."""
    capability, unstated, with_login = await _statement(asker, tell)
    work = _Work(asker, patient_id, capability, wanted, tell)
    await work.find_patient(searches["patient"])
    asked = [search for search in searches.values() if search.key not in ("patient", "medications")]
    form = await work.learn_form(asked)
    await work.rest(asked, form)
    await work.crosschecks(asked, form)
    used = {search.key: work.used(search, form) for search in (searches["patient"], *asked)}
    unread = await work.medications(searches["medications"], used)
    if any(line.search.key == "medications" for line in work.lines):
        used["medications"] = work.used(searches["medications"], form)
    return Survey(
        capability=capability,
        unstated=unstated,
        stated_with_login=with_login,
        form=form,
        lines=tuple(sorted(work.lines, key=lambda line: _place(line, tuple(searches)))),
        used=used,
        unread_medications=unread,
        wanted=wanted,
    )


async def _statement(asker: Asker, tell: Tell) -> tuple[Capability | None, str, bool]:
    """The statement as the service gets it, without login; with login only to know the version."""
    try:
        return *_stated(await asker.statement(authorized=False), tell), False
    except FhirFailure as failure:
        tell(f"CapabilityStatement: {failure.why}")
        if failure.outcome in ("unreachable", "refused-address"):
            kind: Reason = "private" if failure.outcome == "refused-address" else "address"
            raise NotProbed(failure.why, kind) from None
        why = failure.why
        if failure.outcome != "refused":
            return None, why, False
    try:
        return *_stated(await asker.statement(authorized=True), tell), True
    except FhirFailure:
        return None, why, False


def _stated(statement: Resource, tell: Tell) -> tuple[Capability | None, str]:
    """What a statement says, or why it says nothing. NotProbed when the server speaks another version."""
    capability = Capability.read(statement)
    if why := refusal(capability.version):
        raise NotProbed(why, "version")
    tell(f"CapabilityStatement: FHIR {capability.version}")
    if capability.version == "unknown" and not capability.searches:
        return None, "what came is no CapabilityStatement"
    return capability, ""


class _Work:
    """The lines so far, and how the next are made."""

    def __init__(
        self,
        asker: Asker,
        patient_id: str,
        capability: Capability | None,
        wanted: Mapping[str, tuple[Wanted, ...]],
        tell: Tell,
    ) -> None:
        self.lines: list[Line] = []
        self._asker, self._patient, self._capability = asker, patient_id, capability
        self._wanted, self._tell = wanted, tell

    async def find_patient(self, search: Search) -> None:
        """Ask for the patient. NotProbed when the server is silent, or has no such patient."""
        lines = [await self._ask(search, variant, "bare") for variant in search.variants]
        outcomes = {line.answer.outcome for line in lines}
        if outcomes <= _SILENT:
            raise NotProbed(lines[0].answer.why, "address")
        read = lines[0].answer
        if read.outcome == "not-found" and not any(line.own for line in lines):
            raise NotProbed("the FHIR server has no such patient", "patient")

    async def learn_form(self, searches: Iterable[Search]) -> PatientForm:
        """How the server knows patients, by the first way of each search: typed only if bare finds nothing at all."""
        firsts = [(search, self._ordered(search)[0]) for search in searches]
        bare = await asyncio.gather(*(self._ask(search, variant, "bare") for search, variant in firsts))
        if any(line.entries for line in bare):
            return "bare"
        both = [(search, variant) for search, variant in firsts if names_either_way(variant)]
        typed = await asyncio.gather(*(self._ask(search, variant, "typed", "form") for search, variant in both))
        return "typed" if any(line.entries for line in typed) else "bare"

    async def rest(self, searches: Iterable[Search], form: PatientForm) -> None:
        """All ways not asked yet."""
        done = {(line.search.key, line.variant.id, line.form) for line in self.lines}
        await asyncio.gather(
            *(
                self._ask(search, variant, form_of(variant, form))
                for search in searches
                for variant in search.variants
                if (search.key, variant.id, form_of(variant, form)) not in done
            )
        )

    async def crosschecks(self, searches: Iterable[Search], form: PatientForm) -> None:
        """The way the service would go, once with the patient named the other way, once strictly, once with more."""
        done = {(line.search.key, line.variant.id, line.form) for line in self.lines}
        todo = []
        for search in searches:
            line = self.used(search, form)
            if not line.answer.answered:
                continue
            other = _OTHER_FORM[form]
            if names_either_way(line.variant) and (search.key, line.variant.id, other) not in done:
                todo.append(self._ask(search, line.variant, other, "form"))
            todo.append(self._ask(search, line.variant, line.form, "strict"))
            if search.include:
                todo.append(self._ask(search, line.variant, line.form, "include"))
        await asyncio.gather(*todo)

    async def medications(self, search: Search, used: Mapping[str, Line]) -> int:
        """Every way to the drugs that what is `used` only refers to; how many of them stay unread."""
        resources = each_once(one for line in used.values() for one in line.own)
        missing = missing_medications(resources)
        references = [one for written in missing if (one := self._asker.base.relative(written)) is not None]
        ids = tuple(dict.fromkeys(type_and_id(one)[1] for one in references))[:MEDICATIONS_AT_MOST]
        for variant in search.variants if ids else ():
            await self._ask(search, variant, "bare", needs=(Wanted(ids=ids),))
        read = [one for line in self.lines if line.search.key == search.key for one in line.own]
        return len(missing_medications(resources, (*read, *sent_along(self.lines, self._capability))))

    def used(self, search: Search, form: PatientForm) -> Line:
        """The line that the service would have got: of the first way that is answered, else of the first way."""
        lines = {line.variant.id: line for line in self.lines if line.search.key == search.key and is_way(line, form)}
        inturn = [lines[variant.id] for variant in self._ordered(search) if variant.id in lines]
        return next((line for line in inturn if line.answer.answered), inturn[0])

    def _ordered(self, search: Search) -> tuple[Variant, ...]:
        return ordered(search, self._capability, None, None)

    async def _ask(
        self,
        search: Search,
        variant: Variant,
        form: PatientForm,
        purpose: Purpose = "variant",
        *,
        needs: tuple[Wanted, ...] | None = None,
    ) -> Line:
        needs = needs or wanted_by(search.key, self._wanted)
        if purpose == "strict":
            answer = await self._asker.strictly(variant, self._patient, form, needs)
        else:
            include = search.include if purpose == "include" else ()
            answer = await self._asker.ask(variant, self._patient, form, needs, include=include)
        own = tuple(one for one in answer.resources if not _about_another(one, self._patient))
        line = Line(
            search=search,
            variant=variant,
            purpose=purpose,
            form=form,
            answer=answer,
            listed=self._listed(variant),
            own=own,
            others=len(answer.resources) - len(own),
        )
        self.lines.append(line)
        said = "answered" if answer.complete else answer.why
        self._tell(f"{search.key} by {variant.id}{'' if purpose == 'variant' else f' ({purpose})'}: {said}")
        return line

    def _listed(self, variant: Variant) -> bool | None:
        listed = self._capability.searches.get(variant.resource_type) if self._capability is not None else None
        if listed is None or variant.read:
            return None
        return variant.parameters.keys() <= listed


def _place(line: Line, keys: Sequence[str]) -> tuple[int, ...]:
    """Where a line stands: by search, what it was asked for, and the order of the variants."""
    variants = [variant.id for variant in line.search.variants]
    return keys.index(line.search.key), get_args(Purpose).index(line.purpose), variants.index(line.variant.id)


def _about_another(resource: Resource, patient_id: str) -> bool:
    try:
        refuse_other_patient((resource,), patient_id, where="fhirServer")
    except PatientMismatch:
        return True
    return False

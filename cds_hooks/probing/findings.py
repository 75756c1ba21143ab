"""From a survey to what should be asked of the vendor and set at the site. The sentences are in ``asks.yaml``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.ehr.scopes import covers
from cds_hooks.probing.comparing import better_ways, missed, useful
from cds_hooks.probing.conclusion import why_open
from cds_hooks.probing.lines import Line, Survey
from cds_hooks.probing.strictness import Strictness
from mappings.strict_yaml import KnowledgeError, read_model

FILE = "asks.yaml"
# Medications are read after the entries that name them, so that reading takes two rounds.
_ROUNDS = 2


class _Ask(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    to: Literal["vendor", "site"]
    text: Annotated[str, Field(min_length=1)]


class _Asks(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    asks: dict[str, _Ask]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to ask or to set: the `id` of its sentence, `to` whom it goes, and the sentence itself."""

    id: str
    to: Literal["vendor", "site"]
    text: str


@cache
def asks() -> Mapping[str, _Ask]:
    """All sentences by id. Raises ValueError, with file and place, when the file was spoiled."""
    with as_file(files(__package__).joinpath(FILE)) as path:
        try:
            return read_model(path, FILE, _Asks).asks
        except KnowledgeError as error:
            raise ValueError(
                f"{error.file}: {error.place}: {error.problem}; restore the file from the release"
            ) from error


def findings_of(
    survey: Survey, strictness: Strictness, *, deadline_seconds: float, scope: str | None
) -> tuple[Finding, ...]:
    """What to do about `survey`, each sentence once. `deadline_seconds` is the service's own limit for reading; `scope`
    that of the token, where it is known.
    """
    kinds = {line.search.resource_type for line in survey.used.values() if line.search.used_by == "hook"}
    found = [
        *_about_server(survey),
        *(_said("scope-lacks", type=kind) for kind in sorted(kinds) if covers(scope, kind, search=True) is False),
    ]
    if all(line.answer.outcome == "refused" for line in survey.used.values()):
        found.append(_said("login", why=survey.used["patient"].answer.why))
    else:
        for key, line in survey.used.items():
            if key != "medications" and line.search.used_by == "hook":
                found += _about_search(line, survey)
    data = [line for key, line in survey.used.items() if key != "patient"]
    if all(line.answer.answered and not line.answer.resources for line in data):
        found.append(_said("nothing"))
    if better := better_ways(survey):
        choices = ", ".join(f"{key}: {line.variant.id}" for key, line in better.items())
        found.append(_said("searches", choices=choices))
    if survey.unread_medications:
        included = next(one for line in survey.used.values() for one in line.search.include)
        found.append(_said("scope-medication", count=survey.unread_medications, include=included))
    found += [_said("not-valid", type=kind, count=count) for kind, count in strictness.faulty.items()]
    slowest = max(line.answer.milliseconds for line in survey.used.values() if line.search.used_by == "hook") / 1000
    wanted = math.ceil(slowest * _ROUNDS)
    if slowest * _ROUNDS > deadline_seconds:
        found.append(_said("slow", seconds=f"{slowest:.1f}", limit=deadline_seconds, wanted=wanted))
    return tuple(dict.fromkeys(found))


def _said(name: str, **values: object) -> Finding:
    ask = asks()[name]
    return Finding(id=name, to=ask.to, text=ask.text.format_map(values))


def _about_server(survey: Survey) -> Iterator[Finding]:
    if survey.capability is None:
        yield _said("statement", why=survey.unstated)
    elif survey.stated_with_login:
        yield _said("statement-login")
    elif survey.capability.version == "unknown":
        yield _said("unstated-version")
    if survey.form == "typed":
        yield _said("typed-only")


def _about_search(line: Line, survey: Survey) -> Iterator[Finding]:
    search, answer = line.search, line.answer
    tried = [one for one in survey.lines if one.search.key == search.key]
    about = {
        "type": search.resource_type,
        "search": search.key,
        "variant": line.variant.id,
        "parameters": ", ".join(search.variants[0].parameters) or "_id",
    }
    if any(one.answer.outcome == "throttled" for one in tried):
        yield _said("throttled", **about)
    if line.others:
        yield _said("others", count=line.others, **about)
    if ignoring := [one for one in tried if one.answer.everybodys]:
        variants = ", ".join(dict.fromkeys(one.variant.id for one in ignoring))
        yield _said("not-limited", variants=variants, **about)
    if not answer.answered:
        if not answer.everybodys:
            yield from _refused([one for one in tried if not one.answer.everybodys], about)
        return
    if line.variant.narrows:
        yield _said("narrowed", **about, why=why_open(line))
    elif answer.why and not answer.everybodys:
        yield _said("paging", **about, why=answer.why)
    yield from _compared(line, tried, survey, about)


def _refused(tried: Sequence[Line], about: Mapping[str, str]) -> Iterator[Finding]:
    """What no way of asking brought: the way that says most about the reason is told."""
    first = tried[0].answer
    outcomes = {one.answer.outcome for one in tried}
    if "throttled" in outcomes:
        return
    if "refused" in outcomes:
        refused = next(one.answer for one in tried if one.answer.outcome == "refused")
        yield _said("scope", **about, why=refused.why)
    elif outcomes <= {"client-error", "not-found"} or (outcomes == {"server-error"} and first.status not in (500, 503)):
        optional = tried[0].search.resource_type == "MedicationAdministration"
        yield _said("not-offered" if optional else "search", **about, why=first.why)
    else:
        yield _said("failing", **about, why=first.why)


def _compared(line: Line, tried: Sequence[Line], survey: Survey, about: Mapping[str, str]) -> Iterator[Finding]:
    """What another way of asking shows about the one in use."""
    better = better_ways(survey).get(line.search.key)
    if better is not None and (count := missed(better, line, survey)):
        yield _said("finds-less", **about, count=count)
    for one in tried:
        if one.purpose == "form" and survey.form == "bare" and one.variant.id == line.variant.id:
            if one.answer.answered and useful(one, survey) != useful(line, survey):
                yield _said("forms-differ", **about)
        elif one.purpose == "strict" and one.answer.outcome == "client-error":
            yield _said("ignored", **about)
        elif one.purpose == "include" and not one.answer.answered and _offered(one, survey):
            yield _said("include", include=one.search.include[0], why=one.answer.why)
    if line.answer.older:
        yield _said("window", **about)


def _offered(line: Line, survey: Survey) -> bool:
    return survey.capability is not None and survey.capability.includes_all(line.search.include)

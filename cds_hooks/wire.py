"""The shapes this service puts on the wire, strict: only attributes that CDS Hooks defines, nothing empty, no
null.

`to_wire` is the one way out: it leaves out what has no value (TR-02 to TR-04 of the conformance list).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

SUMMARY_BELOW = 140  # the specification says fewer than 140 characters

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
StableCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Coding(_Wire):
    """A code with its system and, for people, its display."""

    code: StableCode
    system: Address
    display: Text


class Source(_Wire):
    """The primary source of a card's guidance; `topic` is the same for every card of one kind."""

    label: Text
    url: Address
    topic: Coding


class Action(_Wire):
    """What a client may do with one unsigned order: create a draft for the clinician to complete and sign, replace a
    draft of the request by `resource`, which is the whole of it, or remove the draft that `resourceId` names.
    """

    type: Literal["create", "update", "delete"]
    description: Text
    resource: dict[str, Any] | None = None
    resourceId: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+/\S+$")] | None = None  # noqa: N815 - the wire name

    @model_validator(mode="after")
    def _whole(self) -> Action:
        if (self.resource is None) is not (self.type == "delete"):
            raise ValueError("create and update carry a resource, delete does not")
        if (self.resourceId is None) is (self.type == "delete"):
            raise ValueError("delete names the resource, create and update carry it")
        return self


class Suggestion(_Wire):
    """One thing a clinician may accept. None is ever marked as recommended."""

    label: Text
    uuid: Text
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]


class Link(_Wire):
    """A page of this deployment, the same for every patient; or (``smart``) its app, for the client to launch.

    `appContext` is for the app alone: the client hands it over with the access token. It says nothing of the patient.
    """

    label: Text
    url: Address
    type: Literal["absolute", "smart"] = "absolute"
    appContext: Text | None = None  # noqa: N815 - the wire name

    @model_validator(mode="after")
    def _for_the_app(self) -> Link:
        if self.appContext is not None and self.type != "smart":
            raise ValueError("only a link that launches an app carries a context")
        return self


class Card(_Wire):
    """One card. `detail` is GitHub Flavored Markdown without raw HTML and without tables.

    `extension` names rules, sources, resources and versions behind the card, so that all on it can be traced.
    """

    uuid: Text
    summary: Annotated[str, StringConstraints(min_length=1, max_length=SUMMARY_BELOW - 1, pattern=r"\S")]
    detail: Text | None = None
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: tuple[Suggestion, ...] = ()
    selectionBehavior: Literal["at-most-one", "any"] | None = None  # noqa: N815 - the wire name
    overrideReasons: tuple[Coding, ...] = ()  # noqa: N815 - the wire name
    links: tuple[Link, ...] = ()
    extension: dict[str, dict[str, str | tuple[str, ...]]] | None = None


class HookResponse(_Wire):
    """The answer to a call: the cards, and where they come from as an extension."""

    cards: Annotated[tuple[Card, ...], Field(max_length=3)]
    extension: dict[str, dict[str, str]] | None = None


def to_wire(model: BaseModel) -> dict[str, Any]:
    """The JSON object of `model` without nulls and empties; `cards` alone may be an empty list."""
    pruned = _pruned(model.model_dump(mode="json"))
    if isinstance(model, HookResponse):
        pruned.setdefault("cards", [])
    return dict(pruned)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := _pruned(item)) not in (None, "", [], {})}
    if isinstance(value, list):
        return [kept for item in value if (kept := _pruned(item)) not in (None, "", [], {})]
    return value

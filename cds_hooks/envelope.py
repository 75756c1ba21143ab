"""The hook request as it arrives, read tolerantly into one immutable value.

Only the envelope is judged here: what every hook needs and what this hook needs. Unknown keys, extensions of
any shape, ids of any length and odd Bundles pass; FHIR content is read by `plugin.ingest` alone. The faults
raised are those of decision 19's first step (400).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import orjson

from cds_hooks.errors import BadRequest
from cds_hooks.references import local_reference, type_and_id

Resource = dict[str, Any]

ORDER_HOOKS = frozenset({"order-select", "order-sign"})
HOOKS = ORDER_HOOKS | {"patient-view"}
# People who read their own record, or someone else's on their behalf: advice for clinicians is not for them.
_PATIENT_USERS = frozenset({"patient", "relatedperson"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_JSON_REMEDY = "Send one JSON object as the specification of CDS Hooks describes, without comments or trailing commas."


@dataclass(frozen=True, slots=True)
class Authorization:
    """The client's access token for its FHIR server. `expires_in` is in seconds, None when not readable; `scope` is
    what the token was granted for, as the client says.
    """

    token: str = field(repr=False)
    expires_in: float | None = None
    patient: str | None = field(default=None, repr=False)
    scope: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """One call. Fields with patient data stay out of `repr`, so that no traceback or log can show them.

    `selections` are references ``Type/id`` into `drafts`, None when the hook has none or the client sent none
    (then all drafts count as selected). `prefetch` holds whatever was sent, by key.
    """

    hook: str
    hook_instance: str = field(repr=False)
    fhir_server: str | None = field(repr=False, default=None)
    authorization: Authorization | None = field(repr=False, default=None)
    user_id: str = field(repr=False, default="")
    patient_id: str = field(repr=False, default="")
    encounter_id: str = field(repr=False, default="")
    selections: frozenset[str] | None = field(repr=False, default=None)
    drafts: tuple[Resource, ...] = field(repr=False, default=())
    prefetch: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def encounter(self) -> str:
        """``Encounter/id``, empty when the call names none."""
        return f"Encounter/{self.encounter_id}" if self.encounter_id else ""

    @property
    def takes_orders(self) -> bool:
        """Whether the hook is about drafted orders."""
        return self.hook in ORDER_HOOKS

    @property
    def for_patient_or_proxy(self) -> bool:
        """Whether the user is, or on patient-view could be, the patient or a related person.

        Order hooks know clinicians only; a user id without a type is taken for one there. patient-view admits
        patients, so a user whose type is not written is treated as one.
        """
        kind = type_and_id(self.user_id)[0].lower()
        # "Patient/" without an id still says what kind of user it is.
        named = {part.lower() for part in self.user_id.split("/")[:-1]}
        return kind in _PATIENT_USERS or bool(named & _PATIENT_USERS) or (not kind and not self.takes_orders)


class SentPrefetch(Mapping[str, Any]):
    """The prefetch of a call as it was sent, decoded once something of it is asked for: most calls are of no concern.

    Asking raises BadRequest where it holds a number that nothing can represent.
    """

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    @cached_property
    def _decoded(self) -> Mapping[str, Any]:
        return _mapping(_loaded(self._sent))

    def __getitem__(self, key: str) -> Any:
        return self._decoded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded)

    def __len__(self) -> int:
        return len(self._decoded)

    def __repr__(self) -> str:
        return "SentPrefetch()"


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, its `prefetch` as a `SentPrefetch`; BadRequest when it is not JSON or no object."""
    text = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        str(text, "utf-8")  # what is only passed over is not looked at for this
        members = _MEMBERS.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _object(text)  # which says where the fault is
    prefetch = members.pop("prefetch", None)
    decoded = {name: _loaded(bytes(member)) for name, member in members.items()}
    return decoded if prefetch is None else {**decoded, "prefetch": SentPrefetch(bytes(prefetch))}


def _object(text: bytes) -> dict[str, Any]:
    decoded = _loaded(text)
    if not isinstance(decoded, dict):
        raise BadRequest("The body is valid JSON but not an object.", _JSON_REMEDY)
    return decoded


def _loaded(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # The decoder's message can quote the input: it is neither repeated nor chained.
        place = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not valid JSON (near {place}).", _JSON_REMEDY) from None


def read_request(body: Mapping[str, Any]) -> HookRequest:
    """The call in a decoded body; BadRequest when a required field is missing or misshapen.

    For a hook that none of our services answers only the fields common to all hooks are required: the
    mismatch is reported later, by the check that compares hook and service.
    """
    hook = _required_text(body, "hook", "Name the hook that fired, for example order-select.")
    instance = _required_text(body, "hookInstance", "Send a unique string for each call.")
    context = body.get("context")
    if not isinstance(context, dict):
        raise BadRequest("The context is missing or not an object.", "Send the hook's context.", where="context")
    known = hook in HOOKS
    drafts = _drafts(context) if hook in ORDER_HOOKS else ()
    return HookRequest(
        hook=hook,
        hook_instance=instance,
        fhir_server=_text(body.get("fhirServer")),
        authorization=_authorization(body.get("fhirAuthorization")),
        user_id=_context_text(context, "userId", "Send Type/id of the user.") if known else "",
        patient_id=_patient_id(context) if known else "",
        encounter_id=(_text(context.get("encounterId")) or "").removeprefix("Encounter/"),
        selections=_selections(context, drafts) if hook == "order-select" else None,
        drafts=drafts,
        prefetch=_mapping(body.get("prefetch")),
    )


def entries_of(bundle: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Resource]]:
    """The entries of a Bundle that hold a resource, each with that resource; shapes that are not entries are
    skipped.

    `entry` may be a single object, and an entry may be the bare resource itself.
    """
    listed = bundle.get("entry")
    for entry in listed if isinstance(listed, list) else [listed]:
        if not isinstance(entry, dict):
            continue
        resource = entry.get("resource")
        if isinstance(resource, dict):
            yield entry, resource
        elif isinstance(entry.get("resourceType"), str):
            yield {}, entry


def _required_text(holder: Mapping[str, Any], name: str, remedy: str, where: str = "") -> str:
    value = _text(holder.get(name))
    if value is None:
        raise BadRequest(f"{where or name} is missing, empty or not a string.", remedy, where=where or name)
    return value


def _context_text(context: Mapping[str, Any], name: str, remedy: str) -> str:
    return _required_text(context, name, remedy, where=f"context.{name}")


def _patient_id(context: Mapping[str, Any]) -> str:
    written = _context_text(context, "patientId", "Send the bare Patient.id.")
    kind, identifier = type_and_id(written)
    if kind not in {"", "Patient"} or not identifier:
        raise BadRequest(
            "context.patientId names something other than a patient.",
            "Send the bare Patient.id.",
            where="context.patientId",
        )
    return identifier


def _drafts(context: Mapping[str, Any]) -> tuple[Resource, ...]:
    bundle = context.get("draftOrders")
    if isinstance(bundle, list):  # early clients sent an array of resources
        bundle = {"entry": bundle}
    drafts: tuple[Resource, ...] = ()
    if isinstance(bundle, dict):
        single = "entry" not in bundle and bundle.get("resourceType") not in ("Bundle", None)
        drafts = (bundle,) if single else tuple(resource for _, resource in entries_of(bundle))
    empty = isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" and not bundle.get("entry")
    if not drafts and not empty:
        raise BadRequest(
            "context.draftOrders is missing or not a Bundle.",
            "Send the unsigned orders as a Bundle. Some EHRs leave them out until this service's "
            "registration there holds an extra scope for unsigned orders.",
            where="context.draftOrders",
        )
    return drafts


def _selections(context: Mapping[str, Any], drafts: tuple[Resource, ...]) -> frozenset[str] | None:
    written = context.get("selections")
    if written is None:
        return None
    listed = written if isinstance(written, list) else [written]
    by_id = {str(draft.get("id")): local_reference(draft) for draft in drafts}
    selected = set()
    for item in listed:
        reference = item.get("reference") if isinstance(item, dict) else item
        if not isinstance(reference, str):
            continue
        kind, identifier = type_and_id(reference)
        selected.add(f"{kind}/{identifier}" if kind else by_id.get(identifier, identifier))
    # Something was selected but cannot be read: all drafts are judged, as when selections are missing.
    return frozenset(selected) if selected or written == [] else None


def _authorization(value: Any) -> Authorization | None:
    if not isinstance(value, dict):
        return None
    token = _text(value.get("access_token"))
    token_type = _text(value.get("token_type")) or "Bearer"
    # A token is sent as a header: one with control characters or blanks cannot be a bearer token.
    if token is None or token_type.lower() != "bearer" or not token.isascii() or not token.isprintable():
        return None
    if " " in token:
        return None
    patient = _text(value.get("patient"))
    return Authorization(
        token,
        _seconds(value.get("expires_in")),
        type_and_id(patient)[1] if patient else None,
        _text(value.get("scope")),
    )


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""How one server is asked in one call: what is known of it, what its token covers, and in which order variants come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cds_hooks.ehr.capability import Capability, Servers
from cds_hooks.ehr.scopes import covers
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import Search, Variant, ordered, searches
from cds_hooks.ehr.versions import refusal
from cds_hooks.outbound import FhirBase

_WITHOUT_WHICH_NOTHING = ("patient", "medicationRequests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways to ask `base`.

    `servers` is what the application knows of all servers; without it nothing is known and nothing is learnt. `stated`
    is the first variant to try by search, as the registry has it for the client. `scope` is that of the call's token.
    """

    base: FhirBase
    servers: Servers | None = None
    stated: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    scope: str | None = None

    @property
    def capability(self) -> Capability | None:
        """The server's statement, as far as it came."""
        return self.servers.known(self.base) if self.servers is not None else None

    @property
    def refusal(self) -> str:
        """Why this server is not asked for anything: it speaks a version of FHIR that is not read. Empty when it is."""
        known = self.capability
        return refusal(known.version) if known is not None else ""

    @property
    def form(self) -> PatientForm | None:
        """How the server knows patients in searches, once an answer showed it."""
        return self.servers.form(self.base) if self.servers is not None else None

    def variants(self, search: Search, form: PatientForm = "bare") -> tuple[Variant, ...]:
        """The variants of `search` for the patient in `form`, in the order to try them.

        Where all were refused a moment ago only the first is: whoever asks next shall not climb for nothing. What no
        call can do without is always tried in every way.
        """
        worked = self.servers.variant(self.base, search.key) if self.servers is not None else None
        in_order = ordered(search, self.capability, self.stated.get(search.key), worked)
        if self.servers is None or search.key in _WITHOUT_WHICH_NOTHING:
            return in_order
        return in_order[:1] if self.servers.refused(self.base, search.key, form) else in_order

    def include(self, search: Search) -> tuple[str, ...]:
        """What the server shall send along with `search`: what it says it can, or nothing."""
        known = self.capability
        return search.include if known is not None and known.includes_all(search.include) else ()

    def reads_many(self) -> bool:
        """Whether several Medication resources can be had at once."""
        known = self.capability
        return known is not None and known.reads_many()

    def is_listed(self, search: Search) -> bool:
        """Whether the server's statement lists the resource type: then it has such data, whatever it answers."""
        known = self.capability
        return known is not None and search.resource_type in known.searches

    def is_out_of_scope(self, search: Search) -> bool:
        """Whether the token surely does not cover `search`.

        A scope that lacks even what no call can do without was written for something else, as test clients show: it
        tells nothing.
        """
        tells = all(self._covers(searches()[key]) for key in _WITHOUT_WHICH_NOTHING)
        return tells and self._covers(search) is False

    def _covers(self, search: Search) -> bool | None:
        return covers(self.scope, search.resource_type, search=not search.variants[0].read)

    def learn_variant(self, search: Search, variant: Variant) -> None:
        """`variant` was answered where others before it were refused."""
        if self.servers is not None:
            self.servers.learn(self.base, search=search.key, variant=variant.id)

    def learn_refused(self, search: Search, form: PatientForm) -> None:
        """Every variant of `search` for a patient in `form` was refused."""
        if self.servers is not None:
            self.servers.learn_refused(self.base, search.key, form)

    def learn_form(self, form: PatientForm) -> None:
        """A search for the patient in `form` found something."""
        if self.servers is not None and self.servers.form(self.base) != form:
            self.servers.learn(self.base, form=form)

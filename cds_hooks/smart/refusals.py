"""How a launch or a session can end badly: a name for the log, a status, and words for the person in front of it.

Nothing that came in is ever repeated; who runs the EHR finds the same names in docs/smart.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says: the HTTP status, a heading, what happened, and what to do about it."""

    status: int
    heading: str
    what: str
    remedy: str


_AGAIN = "Open the patient in the EHR and launch the app from there again."
_OPERATOR = "Tell the person who runs this service; docs/smart.md names what to check."
_STOPPED = "The launch was stopped"
TOLD: Mapping[str, Told] = MappingProxyType(
    {
        "issuer-unknown": Told(
            403, _STOPPED, "This EHR is not registered here.", "The operator lists EHRs by `iss` in TRD_CDS_SMART_FILE."
        ),
        "parameters": Told(
            400, _STOPPED, "The address does not hold what an EHR launch needs: `iss` and `launch`, each once.", _AGAIN
        ),
        "standalone-off": Told(
            403, _STOPPED, "This EHR's entry does not let the app be opened without a launch.", _AGAIN
        ),
        "switched-off": Told(
            403,
            "Nothing is shown here",
            "For this EHR the service is off, or in shadow: its results are counted and shown to nobody.",
            "The governance page tells how it stands; the committee decides.",
        ),
        "discovery": Told(502, _STOPPED, "The EHR's SMART configuration could not be read.", _OPERATOR),
        "endpoints": Told(
            502, _STOPPED, "The EHR's SMART configuration names an address that may not be called.", _OPERATOR
        ),
        "no-pkce": Told(
            403,
            _STOPPED,
            "The EHR does not say that it supports PKCE with S256 (`code_challenge_methods_supported`). Without it a "
            "stolen code could be used by somebody else.",
            _OPERATOR,
        ),
        "cookie-missing": Told(
            400,
            _STOPPED,
            "This browser does not hold what the launch left in it: cookies are blocked, the launch was begun in "
            "another browser, or it took more than ten minutes.",
            _AGAIN,
        ),
        "state-wrong": Told(
            403, _STOPPED, "The answer does not belong to a launch that this browser began (`state`).", _AGAIN
        ),
        "state-expired": Told(403, _STOPPED, "The launch took more than ten minutes.", _AGAIN),
        "state-replayed": Told(403, _STOPPED, "This answer of the EHR was used before; each is good for once.", _AGAIN),
        "issuer-wrong": Told(
            403,
            _STOPPED,
            "The answer comes from another authorization server than the one asked (`iss`, or the redirect URI).",
            _OPERATOR,
        ),
        "denied": Told(403, "No access was given", "Access to the record was declined in the EHR.", _AGAIN),
        "authorization": Told(403, _STOPPED, "The EHR did not authorize the app.", _OPERATOR),
        "no-code": Told(400, _STOPPED, "The EHR's answer holds no code, or more than one.", _AGAIN),
        "code-refused": Told(
            403, _STOPPED, "The EHR refused the code: it was used before, is too old, or is for another app.", _AGAIN
        ),
        "client-refused": Told(
            502, _STOPPED, "The EHR does not accept this app's registration (`client_id`, secret or key).", _OPERATOR
        ),
        "token-unavailable": Told(502, _STOPPED, "The EHR gave no access token.", _OPERATOR),
        "token-unusable": Told(502, _STOPPED, "The EHR's token response cannot be used: no bearer token.", _OPERATOR),
        "no-patient": Told(
            403,
            _STOPPED,
            "The EHR named no patient (`patient` in the token response).",
            "Launch from an open patient, or have the scope `launch/patient` allowed.",
        ),
        "scope": Told(
            403,
            _STOPPED,
            "The EHR did not allow the app to read the patient and the medication orders, without which nothing can "
            "be said.",
            "Have the scopes that docs/smart.md lists allowed for the app.",
        ),
        "identity": Told(
            403,
            _STOPPED,
            "The EHR's statement of who is logged in (`id_token`) is missing or does not hold.",
            _OPERATOR,
        ),
        "not-a-clinician": Told(
            403, "This page is for clinicians", "Patients and their relatives are not shown it.", "Ask your clinician."
        ),
        "session-ended": Told(
            401,
            "The session has ended",
            "It was ended, it stood still too long, or the EHR no longer accepts it. Nothing was read and nothing of "
            "it is kept.",
            _AGAIN,
        ),
        "form-foreign": Told(
            403,
            "This was not done",
            "The form did not come from this session's page. Perhaps another patient was opened in this browser "
            "meanwhile.",
            _AGAIN,
        ),
        "form-unreadable": Told(400, "This was not done", "The form cannot be read.", "Use the one on the page."),
        "chart-unreadable": Told(
            502,
            "The record could not be read",
            "The patient, or the medication orders, could not be had from the EHR. This is no statement about the "
            "patient: nothing is known, not even that there is no history.",
            _AGAIN,
        ),
        "other-patient": Told(
            502, "The record could not be read", "The EHR sent data of another patient; nothing was used.", _OPERATOR
        ),
        "records-unavailable": Told(
            503,
            "Nothing is shown just now",
            "The service cannot keep its records at the moment, and shows nothing that it cannot write down.",
            "Try again shortly.",
        ),
        "too-many": Told(429, "Too many at once", "Too many launches just now.", "Wait a minute and launch again."),
    }
)


class SmartRefused(Exception):  # noqa: N818 - expected, and turned into a page
    """A launch or session cannot go on; `outcome` is a key of `TOLD`."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    @property
    def told(self) -> Told:
        """What the page says."""
        return TOLD[self.outcome]

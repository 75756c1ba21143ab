"""How a snapshot link or its sign-in can end badly: the page for the person in front of it.

An expired, an unknown and a used link are one and the same: whoever has no snapshot learns nothing about any.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import HTMLResponse

from cds_hooks.smart import pages
from cds_hooks.smart.refusals import Told

HOME = "/intended-use"
_AGAIN = "Open the link on the card once more. If the card is older than some minutes, have the EHR ask again for it."
_OPERATOR = "Tell the person who runs this service; docs/snapshots.md names what to check."
_STOPPED = "The sign-in was stopped"
_UNUSABLE = Told(502, _STOPPED, "The site's sign-in service gave no answer that can be used.", _OPERATOR)
_FOREIGN = Told(403, _STOPPED, "The answer does not belong to a sign-in that this browser began.", _AGAIN)
TOLD: Mapping[str, Told] = MappingProxyType(
    {
        "gone": Told(
            404,
            "There is nothing to show here",
            "Such a link shows the basis of one card once, for some minutes, and then it is deleted.",
            _AGAIN,
        ),
        "wrong-user": Told(
            403,
            "This page is for somebody else",
            "It opens only for the clinician who was working in the EHR when the card was shown, and you signed in as "
            "another. It was not shown. After three such attempts it is deleted.",
            "Sign out of the site's sign-in, and open the link again as the clinician who was shown the card.",
        ),
        "prefetched": Told(
            403, "Not opened", "A page like this is not fetched ahead of its reader.", "Follow the link to open it."
        ),
        "switched-off": Told(
            403,
            "Nothing is shown here",
            "For this client the service is off, or in shadow: its results are counted and shown to nobody.",
            "The governance page tells how it stands; the committee decides.",
        ),
        "cookie-missing": Told(
            400,
            _STOPPED,
            "This browser does not hold what the link left in it: the page was shown already and then loaded again, "
            "cookies are blocked, or the sign-in was begun in another browser.",
            _AGAIN,
        ),
        "state-wrong": _FOREIGN,
        "state-expired": Told(403, _STOPPED, "The sign-in took more than ten minutes.", _AGAIN),
        "issuer-wrong": Told(
            403,
            _STOPPED,
            "The sign-in service names another issuer than the one registered here (`issuer`, to the letter).",
            _OPERATOR,
        ),
        "no-pkce": Told(
            403,
            _STOPPED,
            "The sign-in service does not say that it supports PKCE with S256 (`code_challenge_methods_supported`).",
            _OPERATOR,
        ),
        "denied": Told(403, "You are not signed in", "The sign-in was declined.", _AGAIN),
        "authorization": Told(403, _STOPPED, "The sign-in service did not sign anybody in.", _OPERATOR),
        "no-code": Told(400, _STOPPED, "The answer of the sign-in service holds no code, or more than one.", _AGAIN),
        "code-refused": Told(
            403, _STOPPED, "The sign-in service refused the code: it was used before, or is too old.", _AGAIN
        ),
        "client-refused": Told(
            502,
            _STOPPED,
            "The sign-in service does not accept our registration (`client_id`, secret or key).",
            _OPERATOR,
        ),
        "identity": Told(
            403,
            _STOPPED,
            "The statement of who signed in (`id_token`) is missing, does not hold, or names no clinician.",
            _OPERATOR,
        ),
        "not-a-clinician": Told(
            403, "This page is for clinicians", "Patients and their relatives are not shown it.", "Ask your clinician."
        ),
        "records-unavailable": Told(
            503,
            "Nothing is shown just now",
            "The service cannot keep its records at the moment, and shows nothing that it cannot write down.",
            "Try again shortly.",
        ),
        "too-many": Told(429, "Too many at once", "Too many links are being opened just now.", "Wait a minute."),
        "discovery": _UNUSABLE,
        "endpoints": _UNUSABLE,
        "token-unavailable": _UNUSABLE,
        "token-unusable": _UNUSABLE,
    }
)


class SnapshotRefused(Exception):  # noqa: N818 - expected, and turned into a page
    """A snapshot is not shown; `outcome` is a key of `TOLD`."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def refusal(outcome: str) -> HTMLResponse:
    """The page for `outcome`, a name of `TOLD`, or one of the sign-in's that has no words of its own."""
    return pages.refusal(TOLD.get(outcome, _UNUSABLE), home=HOME)

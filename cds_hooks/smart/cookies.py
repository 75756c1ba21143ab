"""The app's cookies: seen by no script, sent to the app only, in a frame of the EHR only where the operator said so.

On https in a frame they are ``SameSite=None; Secure; Partitioned``: browsers keep them apart for each site that shows
the frame. Elsewhere they are ``Lax``, which lets the EHR's answer bring them along and no form of another site.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

SESSION, LAUNCH = "trd-app", "trd-launch-"


@dataclass(frozen=True, slots=True)
class Cookies:
    """Writes ``Set-Cookie`` for the app at `base_url`."""

    base_url: str

    @property
    def _secure(self) -> bool:
        return self.base_url.startswith("https://")

    def name(self, bare: str) -> str:
        """The cookie's full name: with the prefix by which browsers hold it to https."""
        return f"__Secure-{bare}" if self._secure else bare

    def set(self, bare: str, value: str, *, seconds: int, framed: bool) -> str:
        """The header that sets a cookie; `framed`: the app may stand in a frame of the EHR."""
        where = urlsplit(self.base_url).path.rstrip("/")
        parts = [f"{self.name(bare)}={value}", f"Path={where}/app", f"Max-Age={seconds}", "HttpOnly"]
        if self._secure:
            parts.append("Secure")
        parts += ["SameSite=None", "Partitioned"] if framed and self._secure else ["SameSite=Lax"]
        return "; ".join(parts)

    def clear(self, bare: str, *, framed: bool) -> str:
        """The header that removes a cookie."""
        return self.set(bare, "", seconds=0, framed=framed)

"""Where this service may call, and so where an access token may go: allow-listed FHIR bases and nothing below
or beside.

`fhirServer` arrives in the request and is as untrusted as the rest of it. A call goes out only to an address
that an operator listed (registry entry, or the demo's own sandbox), over https unless it is loopback; links
and absolute references found in answers are followed only inside that same base.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cds_hooks.settings import is_loopback

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class FhirBase:
    """A FHIR base address in comparable form: scheme, host and port of the origin, and the path without final
    slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, address: object) -> FhirBase | None:
        """Read an absolute http(s) address without user info, query, fragment or dot segments; None
        otherwise.

        >>> FhirBase.parse("https://EHR.example:443/fhir/") == FhirBase.parse("https://ehr.example/fhir")
        True
        >>> FhirBase.parse("https://ehr.example@evil.example/fhir") is None
        True
        """
        if not isinstance(address, str) or any(char <= " " or char == "\\" for char in address):
            return None
        try:
            parts = urlsplit(address)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            return None
        if port is None or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            return None
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            return None
        path = parts.path.rstrip("/")
        if not _is_plain(path):
            return None
        return cls(parts.scheme, parts.hostname.lower(), port, path)

    def contains(self, other: FhirBase) -> bool:
        """Whether `other` has the same origin and lies at or below this path, segment by segment."""
        same_origin = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same_origin and (other.path == self.path or other.path.startswith(self.path + "/"))

    def owns(self, address: str) -> bool:
        """Whether the absolute `address` (a query is allowed) lies inside this base."""
        bare = address.split("#", 1)[0].split("?", 1)[0]
        other = FhirBase.parse(bare)
        return other is not None and self.contains(other)

    def relative(self, reference: str) -> str | None:
        """``Type/id…`` for a relative reference, or an absolute one inside this base; None for others."""
        if "://" not in reference:
            return reference if _is_plain("/" + reference) and not reference.startswith("/") else None
        if not self.owns(reference):
            return None
        other = FhirBase.parse(reference)
        return other.path[len(self.path) + 1 :] if other is not None else None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


class AllowList:
    """The FHIR bases that may be called."""

    def __init__(self, addresses: Iterable[str]) -> None:
        """Raise ValueError when an address is not usable as a FHIR base."""
        bases = [(address, FhirBase.parse(address)) for address in addresses]
        if any(base is None for _, base in bases):
            raise ValueError(
                "a FHIR base must be an absolute https address (http only for loopback) "
                "without user info, query, fragment or dot segments"
            )
        self._bases = tuple(base for _, base in bases if base is not None)

    @property
    def only(self) -> FhirBase | None:
        """The base, where there is exactly one."""
        return self._bases[0] if len(self._bases) == 1 else None

    def admit(self, fhir_server: object) -> FhirBase | None:
        """The base to call for a request's `fhirServer`, None when it is not on the list."""
        wanted = FhirBase.parse(fhir_server)
        if wanted is None:
            return None
        return wanted if any(base.contains(wanted) for base in self._bases) else None


def _is_plain(path: str) -> bool:
    """No dot segments, no empty segments and none hidden behind percent-encoding."""
    decoded = unquote(unquote(path))
    segments = decoded.split("/")[1:]
    return "\\" not in decoded and all(segment not in {"", ".", ".."} for segment in segments)

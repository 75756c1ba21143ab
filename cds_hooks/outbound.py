"""Where this service may call, and so where an access token may go: allow-listed FHIR bases and nothing below
or beside.

`fhirServer` arrives in the request and is as untrusted as the rest of it. A call goes out only to an address
that an operator listed (registry entry, or the demo's own sandbox), over https unless it is loopback; links
and absolute references found in answers are followed only inside that same base. What is called is always the address
rebuilt from the parts that were judged, never the text that was sent: two readers of one text may differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from cds_hooks.ehr.addresses import is_forbidden, is_host, literal
from cds_hooks.settings import is_loopback

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65_535
# Host and port and nothing else: no user info, no empty port, no port 0.
_AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[1-9][0-9]{0,4}))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


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
        """Read an absolute http(s) address of a DNS name or an IP address, without user info, query, fragment or
        dot segments; None otherwise. The port is 1 to 65535 or left out with its colon.

        >>> FhirBase.parse("https://EHR.example:443/fhir/") == FhirBase.parse("https://ehr.example/fhir")
        True
        >>> FhirBase.parse("https://ehr.example@evil.example/fhir") is None
        True
        >>> FhirBase.parse("https://ehr.example:/fhir") is None
        True
        """
        if not isinstance(address, str):
            return None
        parts = _split(address)
        if parts is None or parts.query or parts.fragment:
            return None
        return cls._of(parts)

    @classmethod
    def _of(cls, parts: SplitResult) -> FhirBase | None:
        authority = _AUTHORITY.fullmatch(parts.netloc)
        if authority is None or parts.scheme not in _DEFAULT_PORTS:
            return None
        host = _comparable(authority["address"], authority["name"])
        port = int(authority["port"] or _DEFAULT_PORTS[parts.scheme])
        path = parts.path.rstrip("/")
        if host is None or port > _LAST_PORT or not _is_plain(path):
            return None
        if parts.scheme == "http" and not is_loopback(host):
            return None
        return cls(parts.scheme, host, port, path)

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

    def absolute(self, link: str) -> str | None:
        """The address to call for a `link` found in an answer, rebuilt from its judged parts; None when it leads out
        of this base.

        A link is absolute, or relative to the origin (``/fhir/…``) or to the base, as FHIR has it. Its query is kept,
        a fragment is not; an empty link leads nowhere.

        >>> base = FhirBase.parse("https://ehr.example/fhir")
        >>> base.absolute("pages/2?token=a"), base.absolute("HTTPS://EHR.example:443/fhir?page=2#top")
        ('https://ehr.example/fhir/pages/2?token=a', 'https://ehr.example/fhir?page=2')
        >>> base.absolute("//evil.example/fhir") is None
        True
        """
        if not link:
            return None
        if _SCHEME.match(link):
            address = link
        elif link.startswith("/"):
            address = self._origin + link
        else:
            address = f"{self}{link}" if link.startswith("?") else f"{self}/{link}"
        parts = _split(address)
        inside = FhirBase._of(parts) if parts is not None else None
        if parts is None or inside is None or not self.contains(inside):
            return None
        slash = "/" if parts.path.endswith("/") else ""
        query = f"?{parts.query}" if parts.query else ""
        return f"{inside}{slash}{query}"

    @property
    def _origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def __str__(self) -> str:
        return self._origin + self.path


class AllowList:
    """The FHIR bases that may be called."""

    def __init__(self, addresses: Iterable[str]) -> None:
        """Raise ValueError when an address is not usable as a FHIR base, or lies where nothing may ever be called."""
        parsed = [FhirBase.parse(address) for address in addresses]
        bases = tuple(base for base in parsed if base is not None)
        if len(bases) < len(parsed):
            raise ValueError(
                "a FHIR base must be an absolute https address (http only for loopback) of a DNS name or an IP "
                "address, without user info, query, fragment or dot segments, and with a usable port or none"
            )
        if any(_may_never_be_called(base.host) for base in bases):
            raise ValueError(
                "a FHIR base must not be a link-local, unspecified, multicast, reserved or metadata-service address: "
                "no FHIR server has one; give the server's DNS name or its own address"
            )
        self._bases = bases

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


def _split(address: str) -> SplitResult | None:
    """The parts of `address`; None for what `urlsplit` would refuse, or would mend in silence."""
    if any(char <= " " or char in "\\\x7f" for char in address.partition("?")[0]):
        return None
    if any(char < " " or char == "\x7f" for char in address):
        return None
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _comparable(address: str | None, name: str | None) -> str | None:
    """A host in its one spelling: addresses as RFC 5952 writes them, names in small letters; None for neither."""
    host = address or name or ""
    if not is_host(host):
        return None
    written = literal(host)
    if written is None:
        return host.lower() if name else None
    # Brackets are for IPv6, and only for it.
    return str(written) if (":" in host) == (name is None) else None


def _may_never_be_called(host: str) -> bool:
    written = literal(host)
    return written is not None and is_forbidden(written)


def _is_plain(path: str) -> bool:
    """No dot segments, no empty segments and none hidden behind percent-encoding, or a path parameter (``..;x``),
    which servers on the Java platform cut off before they read the segment.
    """
    decoded = unquote(unquote(path))
    segments = decoded.split("/")[1:]
    return "\\" not in decoded and all(segment.partition(";")[0] not in {"", ".", ".."} for segment in segments)

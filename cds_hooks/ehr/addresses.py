"""Which network addresses may be called (protection against server-side request forgery, OWASP).

A name on the allow-list says who may be called, and not where: whoever controls its DNS could point it at the machine
itself, at the hospital's own network or at a cloud's metadata service. So the address behind a name is judged as well,
each time a connection is opened. Ranges are those of the IANA special-purpose registries, as `ipaddress` holds them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 6052: the addresses by which IPv6-only networks reach IPv4.
_NAT64 = IPv6Network("64:ff9b::/96")
# Metadata services of clouds that lie outside the link-local range: they hand out credentials of the machine.
_METADATA = frozenset(
    ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16")
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# What a resolver or another parser would read as a number, and so as an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LONGEST_NAME = 253


def literal(host: str) -> Address | None:
    """`host` as the address it writes out; None for a name.

    >>> literal("10.0.0.1"), literal("ehr.example")
    (IPv4Address('10.0.0.1'), None)
    """
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_host(text: str) -> bool:
    """Whether `text` is a DNS name in ASCII, or an IP address in its strict spelling, without brackets or zone.

    Spellings that some read as an address and others as a name are neither: short, decimal, octal and hexadecimal
    IPv4, and a final dot. An underscore is let through, because internal names have it.

    >>> is_host("ehr.example"), is_host("10.0.0.1"), is_host("fd00::1")
    (True, True, True)
    >>> is_host("127.1"), is_host("0x7f000001"), is_host("ehr.example."), is_host("fe80::1%eth0")
    (False, False, False, False)
    """
    if literal(text) is not None:
        return "%" not in text
    if len(text) > _LONGEST_NAME:
        return False
    labels = text.split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and _NUMBER.fullmatch(labels[-1]) is None


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries (mapped, 6to4, Teredo, NAT64), else the address itself.

    >>> unwrapped(ip_address("::ffff:10.0.0.1"))
    IPv4Address('10.0.0.1')
    >>> unwrapped(ip_address("64:ff9b::a00:1"))
    IPv4Address('10.0.0.1')
    """
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address


def is_forbidden(address: Address) -> bool:
    """Whether nothing may ever be called there, listed or not: no FHIR server can have such an address.

    Link-local and site-local, unspecified, multicast, reserved, and the metadata services of clouds.
    """
    inside = unwrapped(address)
    if inside.is_loopback:  # ::1 lies in a reserved range
        return False
    return (
        inside.is_link_local
        or inside.is_unspecified
        or inside.is_multicast
        or inside.is_reserved
        or (isinstance(inside, IPv6Address) and inside.is_site_local)
        or inside in _METADATA
    )


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which addresses the host of an allow-listed base may have.

    An address that is listed as such admits itself, ``localhost`` admits loopback, and any other name admits addresses
    of the public internet and those in `private`, the operator's own networks. Shared address space (100.64.0.0/10)
    counts as private. Whether a host is listed is not asked here: `AllowList` has done so.
    """

    private: tuple[Network, ...] = ()

    def permits(self, host: str, address: Address) -> bool:
        """Whether a connection for `host` (name or literal, without brackets) may go to `address`."""
        if is_forbidden(address):
            return False
        written = literal(host)
        if written is not None:
            return written == address
        inside = unwrapped(address)
        if host.lower() == "localhost":
            return inside.is_loopback
        return inside.is_global or any(inside in network for network in self.private)

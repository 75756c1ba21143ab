"""Which addresses the host of a listed base may have."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from cds_hooks.ehr.addresses import AddressRule, is_forbidden, is_host, literal, unwrapped

PUBLIC = "93.184.215.14"
NEVER = (
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fec0::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::7f00:1",
)
INSIDE = (
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "fd12:3456::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo, 10.0.0.1 inside
)
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.mark.proves("FA-14")
@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_permitted(address):
    assert is_forbidden(ip_address(address))
    rule = AddressRule(private=EVERYTHING)
    assert not any(rule.permits(host, ip_address(address)) for host in ("ehr.example", "localhost", address))


@pytest.mark.proves("FA-14")
@pytest.mark.parametrize("address", INSIDE)
def test_a_name_may_not_lead_inside_unless_its_network_is_listed(address):
    found = ip_address(address)
    assert not AddressRule().permits("ehr.example", found)
    assert AddressRule(private=EVERYTHING).permits("ehr.example", found)
    assert not AddressRule(private=(ip_network("10.9.0.0/16"), ip_network("fd99::/16"))).permits("ehr.example", found)


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111", f"::ffff:{PUBLIC}", "64:ff9b::5db8:d70e"])
def test_a_name_may_lead_to_the_public_internet(address):
    assert AddressRule().permits("ehr.example", ip_address(address))


def test_a_listed_network_admits_its_own_addresses_however_they_are_wrapped():
    rule = AddressRule(private=(ip_network("10.1.0.0/16"),))
    assert rule.permits("ehr.example", ip_address("10.1.2.3"))
    assert rule.permits("ehr.example", ip_address("::ffff:10.1.2.3"))
    assert not rule.permits("ehr.example", ip_address("10.2.2.3"))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fd12::1", PUBLIC])
def test_a_literal_admits_itself_and_nothing_else(address):
    rule = AddressRule()
    assert rule.permits(address, ip_address(address))
    assert not rule.permits(address, ip_address("10.0.0.2"))


def test_localhost_is_loopback_only():
    rule = AddressRule(private=(ip_network("10.0.0.0/8"),))
    assert all(rule.permits("LocalHost", ip_address(one)) for one in ("127.0.0.1", "::1", "127.0.0.53"))
    assert not any(rule.permits("localhost", ip_address(one)) for one in ("10.0.0.1", PUBLIC))


def test_unwrapping_leaves_other_addresses_alone():
    for plain in ("10.0.0.1", "fd12::1", "::1"):
        assert unwrapped(ip_address(plain)) == ip_address(plain)


@pytest.mark.parametrize(
    "host", ["ehr.example", "EHR-1.example", "fhir_server", "a.b.c", "1a.example", "xn--bcher-kva.example", "10.0.0.1"]
)
def test_hosts(host):
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "ehr.example.",
        ".ehr.example",
        "ehr..example",
        "-ehr.example",
        "ehr-.example",
        "ehr。example",
        "bücher.example",
        "ehr%2eexample",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "256.1.1.1",
        "ehr.0x",
        "fe80::1%eth0",
        "[::1]",
        "ehr.example:80",
        "a" * 64 + ".example",
        "a." * 127 + "example",
    ],
)
def test_no_hosts(host):
    assert not is_host(host)


def test_a_name_is_no_literal():
    assert literal("ehr.example") is None and literal("127.1") is None

"""Where the authorization server is: by the configuration, by the older statement, and never where it must not be."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import JSONResponse

from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.smart.discovery import Discovery
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import registered

OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def older(smart):
    """An EHR of SMART App Launch 1.0: no configuration, only the statement, and OpenID's own configuration."""
    uris = {"authorize": f"{smart.ISSUER}/authorize", "token": f"{smart.ISSUER}/token"}
    extension = {"url": OAUTH, "extension": [{"url": name, "valueUri": uri} for name, uri in uris.items()]}
    statement = {"resourceType": "CapabilityStatement", "rest": [{"security": {"extension": [extension]}}]}
    openid = {"issuer": smart.ISSUER, "jwks_uri": f"{smart.ISSUER}/jwks"}
    pages = {"/fhir/metadata": statement, "/fhir/.well-known/openid-configuration": openid}

    def before(request):
        if request.url.path == "/fhir/.well-known/smart-configuration":
            return JSONResponse({}, 404)
        return JSONResponse(pages[request.url.path]) if request.url.path in pages else None

    return before


def test_an_older_ehr_says_it_in_its_statement(world, smart):
    here = world(before=older(smart), pkce_known=True, scopes="v1")
    assert here.launched().json()["author"] == smart.DOCTOR
    here = world(before=older(smart))
    assert here.browser.go(here.launch_address()).status_code == 403 and here.outcome == "no-pkce"


def test_the_configuration_is_asked_for_once_an_hour(world):
    here = world()

    def asked():
        return sum("smart-configuration" in request.url.path for request in here.asked)

    for minutes in (0, 59):
        here.clock.pass_by(minutes=minutes)
        here.browser.go(here.launch_address())
        assert asked() == 1
    here.clock.pass_by(minutes=1)
    here.browser.go(here.launch_address())
    assert asked() == 2


@pytest.mark.parametrize(
    ("address", "networks"), [("10.1.2.3", ()), ("127.0.0.1", ()), ("169.254.169.254", ("10.0.0.0/8",))]
)
def test_an_ehr_whose_name_leads_inside_is_not_called(smart, address, networks, world):
    from ipaddress import ip_network

    async def inside(host, port):
        return (address,)

    rule = AddressRule(tuple(ip_network(one) for one in networks))
    clock = world().clock
    told = []

    async def look():
        async with outbound_client(rule=rule, connections=4, http2=False, timeout_seconds=2, resolve=inside) as http:
            await Discovery(http, clock, rule).endpoints(registered(smart.entry()), told.append)

    with pytest.raises(SmartRefused, match="discovery"):
        asyncio.run(look())
    assert told == ["private-address"]


@pytest.mark.parametrize(("networks", "allowed"), [((), False), (("10.0.0.0/8",), True)])
def test_a_private_address_in_a_configuration_is_for_the_operator_to_allow(smart, world, networks, allowed):
    from ipaddress import ip_network

    rule = AddressRule(tuple(ip_network(one) for one in networks))
    told = {
        "authorization_endpoint": "https://ehr.example/a?tenant=1",
        "token_endpoint": "https://10.1.2.3/t",
        "code_challenge_methods_supported": ["S256"],
    }
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=told)))
    ehr = registered(smart.entry(identity=False, writes=()))

    async def look():
        return await Discovery(http, world().clock, rule).endpoints(ehr, lambda _: None)

    if allowed:
        found = asyncio.run(look())
        assert (found.token, found.authorize) == ("https://10.1.2.3/t", "https://ehr.example/a?tenant=1")
    else:
        with pytest.raises(SmartRefused, match="endpoints"):
            asyncio.run(look())


def test_without_identity_nobody_is_named_and_nothing_is_saved(world):
    told = world(identity=False, writes=()).launched().json()
    assert (told["author"], told["writes"]) == ("", [])


def test_a_client_in_shadow_shows_nobody_the_page(world, smart):
    from cds_hooks.storage.switchboard import Switch

    here = world()
    here.launched()
    switch = Switch(client="open", rule="*", mode="shadow", who="x", why="y", at=smart.NOW)
    asyncio.run(here.records.database.write(lambda one: here.records.switchboard.add(one, switch)))
    for address in (here.launch_address(), f"{smart.BASE}/app/patient", f"{smart.BASE}/app/standalone?ehr=general"):
        assert here.browser.go(address).status_code == 403
        assert here.outcome == "switched-off"

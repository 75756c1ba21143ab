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


def test_a_configuration_read_anew_leaves_the_keys_that_somebody_waits_for(smart, world):
    """Two launches at once, or one over the hour: the second look must not end the fetch of the first."""
    told = {
        "issuer": smart.ISSUER,
        "jwks_uri": f"{smart.ISSUER}/jwks",
        "authorization_endpoint": f"{smart.ISSUER}/authorize",
        "token_endpoint": f"{smart.ISSUER}/token",
        "code_challenge_methods_supported": ["S256"],
    }
    clock, ehr = world().clock, registered(smart.entry())

    async def look():
        fetching, answered = asyncio.Event(), asyncio.Event()

        async def answer(request):
            if request.url.path.endswith("/jwks"):
                fetching.set()
                await answered.wait()
                return httpx.Response(200, json={"keys": []})
            return httpx.Response(200, json=told)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            discovery = Discovery(http, clock, AddressRule())
            first = await discovery.endpoints(ehr, lambda _: None)
            waiting = asyncio.create_task(first.keys.find((first.key_address,), "k"))
            await fetching.wait()
            clock.pass_by(hours=1)
            await discovery.endpoints(ehr, lambda _: None)
            answered.set()
            return await waiting

    assert asyncio.run(look()) is None


def test_what_a_configuration_leaves_empty_is_asked_of_openid(world, smart):
    def before(request):
        if request.url.path == "/fhir/.well-known/openid-configuration":
            return JSONResponse({"issuer": smart.ISSUER, "jwks_uri": f"{smart.ISSUER}/jwks"})
        return None

    def twist(server):
        told = {**server.configuration(), "issuer": None, "jwks_uri": None}
        server.configuration = lambda: told

    assert world(before=before, twist=twist).launched().json()["author"] == smart.DOCTOR

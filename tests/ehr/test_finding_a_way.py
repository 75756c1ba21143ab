"""The ways to ask, climbed by our own exchange on servers that can do less and less."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from cds_hooks.catalogue import queries
from cds_hooks.ehr.exchange import Caps, Exchange, Hosts
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.rungs import next_rung
from cds_hooks.ehr.searches import ROOM, SHORT, Wanted, ordered, searches
from cds_hooks.outbound import FhirBase
from mappings.load import load
from tests.ehr.limited_server import LimitedServer, Limits

BASE = FhirBase.parse("https://ehr.example/fhir")
CAPS = Caps(response_bytes=1_000_000, call_bytes=10_000_000, attempts=1)
CODES = tuple({query.key: query for query in queries(load())}["scales"].search("p1")["code"].split(","))


def observation(name, category, code=CODES[0]):
    system, _, value = code.partition("|")
    return {
        "resourceType": "Observation",
        "id": name,
        "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": system, "code": value}]},
    }


CHART = [
    {"resourceType": "Patient", "id": "p1"},
    *(
        {"resourceType": "MedicationRequest", "id": f"order-{intent}", "subject": {"reference": "Patient/p1"}}
        | {"intent": intent}
        for intent in ("order", "plan")
    ),
    {"resourceType": "Condition", "id": "condition", "subject": {"reference": "Patient/p1"}},
    observation("survey", "survey"),
    observation("therapy", "therapy"),
]


async def climb(server, key, form="bare"):
    """The variant that was answered, the ids it brought and what it narrows; None when the ladder ended without one."""
    host = Hosts(8).of(BASE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=server)) as http:
        deadline = asyncio.get_running_loop().time() + 60
        exchange = Exchange(http, host, caps=CAPS, deadline=deadline, note=lambda *told: None)

        async def one(request, posted):
            address = f"{BASE}/{request.resource_type}"
            parameters = dict(request.parameters)
            if request.identifier:
                return await exchange.resource(
                    "GET", f"{address}/{request.identifier}", headers={}, about=key, expected=request.resource_type
                )
            if posted:
                return await exchange.resource(
                    "POST", f"{address}/_search", headers={}, about=key, expected="Bundle", form=parameters
                )
            whole = str(httpx.URL(address, params=parameters))
            return await exchange.resource("GET", whole, headers={}, about=key, expected="Bundle")

        for variant in ordered(searches()[key], None, None, None):
            posted = shortened = by_post = False
            while True:
                room = SHORT if shortened else ROOM
                try:
                    requests = variant.requests("p1", form, Wanted(codes=CODES), room=room)
                    answers = [await one(request, by_post) for request in requests]
                except FhirFailure as failure:
                    rung = next_rung(failure, posted=posted, shortened=shortened)
                    if rung == "stop":
                        return None
                    if rung == "variant":
                        break
                    posted, shortened, by_post = True, shortened or rung == "shorter", rung == "post"
                    continue
                found = {entry["resource"]["id"] for answer in answers for entry in answer.get("entry", ())}
                found |= {answer["id"] for answer in answers if answer["resourceType"] != "Bundle"}
                return variant.id, found, bool(variant.narrows)
        return None


def way(key, form="bare", **limits):
    server = LimitedServer(CHART, base=str(BASE), limits=Limits(**limits))
    return asyncio.run(climb(server, key, form)), server


ORDERS = {"order-order", "order-plan"}


@pytest.mark.parametrize(
    ("key", "limits", "answered"),
    [
        ("patient", {}, ("read", {"p1"}, False)),
        ("medicationRequests", {}, ("patient-intent", ORDERS, False)),
        ("medicationRequests", {"needs_intent": True}, ("patient-intent", ORDERS, False)),
        ("medicationRequests", {"no_lists": True}, ("each-intent", ORDERS, False)),
        ("medicationRequests", {"no_lists": True, "needs_intent": True}, ("each-intent", ORDERS, False)),
        ("conditions", {"no_lists": True, "no_post": True}, ("patient", {"condition"}, False)),
        ("scales", {}, ("code", {"survey", "therapy"}, False)),
        ("scales", {"needs_category": True}, ("category-code", {"survey"}, True)),
        ("scales", {"no_lists": True}, ("category", {"survey"}, True)),
        ("scales", {"refuses": ("Observation",)}, None),
    ],
)
def test_the_way_found(key, limits, answered):
    found, _ = way(key, **limits)
    assert found == answered


def test_what_a_narrow_way_leaves_out_is_only_left_out_with_a_word():
    """The observation of another category is missed by the narrow way, which is why it says so."""
    whole, _ = way("scales")
    narrow, _ = way("scales", needs_category=True)
    assert narrow[1] < whole[1] and narrow[2] and not whole[2]


def test_a_server_that_knows_typed_ids_only_answers_the_bare_one_with_nothing():
    """No status tells it: the form has to be learnt from an answer that found something."""
    assert way("conditions", typed_ids_only=True)[0] == ("patient", set(), False)
    assert way("conditions", "typed", typed_ids_only=True)[0] == ("patient", {"condition"}, False)


def test_refused_access_is_not_climbed_against():
    _, server = way("scales", refuses=("Observation",))
    assert len(server.requests) == 1


class ShortSighted:
    """A proxy before a server: 414 for addresses over `longest`, and 404 for every POST."""

    def __init__(self, inner, longest):
        self.inner, self.longest, self.seen = inner, longest, []

    async def __call__(self, scope, receive, send):
        self.seen.append(scope["method"])
        long = len(scope["path"]) + len(scope["query_string"]) > self.longest
        if scope["method"] == "POST" or long:
            status = 404 if scope["method"] == "POST" else 414
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.inner(scope, receive, send)


def test_long_searches_are_posted_and_then_split():
    inner = LimitedServer(CHART, base=str(BASE), limits=Limits())
    proxy = ShortSighted(inner, longest=SHORT + 60)
    assert asyncio.run(climb(proxy, "scales")) == ("code", {"survey", "therapy"}, False)
    assert proxy.seen[:2] == ["GET", "POST"] and set(proxy.seen[2:]) == {"GET"} and len(proxy.seen) > 3

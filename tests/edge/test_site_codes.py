"""Codes of a client's own: read from the registry, held against what we order."""

from __future__ import annotations

import pytest

from cds_hooks.proposals import order_names
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.site_codes import check_site_codes

SYSTEM = "urn:com.epic.cdshooks.action.code.system.preference-list-item"


def code(order: str, system: str = SYSTEM) -> dict[str, str]:
    return {"order": order, "system": system, "code": "4711"}


def test_every_order_may_have_a_code_of_the_client(keyring, knowledge):
    names = list(order_names(knowledge))
    assert len(names) == len(set(names))
    check_site_codes(keyring.registry(site_codes=[code(name) for name in names]), knowledge)


@pytest.mark.parametrize("order", ["option:BUP", "option:XYZ/bupropion", "measure:phq8x"])
def test_a_name_that_is_never_ordered_stops_the_start(keyring, knowledge, order):
    registry = keyring.registry(site_codes=[code("measure:phq9"), code(order)])
    with pytest.raises(RegistryError, match="nothing is ordered") as caught:
        check_site_codes(registry, knowledge)
    assert caught.value.place == "general.site_codes[1].order"


def test_two_codes_for_one_order_stop_the_start(keyring, knowledge):
    registry = keyring.registry(site_codes=[code("measure:phq9"), code("measure:phq9")])
    with pytest.raises(RegistryError, match="an earlier code"):
        check_site_codes(registry, knowledge)


@pytest.mark.parametrize(
    "changed",
    [{"system": "preference-list"}, {"system": "javascript:x y"}, {"code": ""}, {"code": "a\nb"}, {"order": "drug:x"},
     {"note": "x"}],
)  # fmt: skip
def test_codes_are_read_strictly(keyring, changed):
    with pytest.raises(RegistryError) as caught:
        keyring.registry(site_codes=[{**code("measure:phq9"), **changed}])
    assert caught.value.place.startswith("clients[0].site_codes[0]")


@pytest.mark.parametrize(
    "changed",
    [{"markdown": "html"}, {"cards_at_most": 4}, {"cards_at_most": 0}, {"actions_per_suggestion": 0},
     {"updates": ["MedicationRequest"]}, {"creates": ["Task"]}, {"system_uris": {"rxnorm": "2.16.840"}},
     {"order_dose": "maybe"}, {"links": "yes"}],
)  # fmt: skip
def test_what_a_client_cannot_be_is_refused(keyring, changed):
    with pytest.raises(RegistryError) as caught:
        keyring.registry(**changed)
    assert next(iter(changed)) in caught.value.place

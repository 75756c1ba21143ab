"""`trd-cds cards`: the service's own answer, from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import AS_OF, Spoken, draft, record, written

Trd = Callable[..., Spoken]


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_of_a_failed_drug_gets_a_card(hook: str, trd: Trd, bundle: Path, order: Path) -> None:
    spoken = trd("cards", bundle, "--hook", hook, "--order", order, "--as-of", AS_OF)
    assert (spoken.status, spoken.err) == (0, "")
    cards = spoken.document()["cards"]
    assert cards
    assert any("sertraline" in (card["summary"] + card.get("detail", "")).lower() for card in cards)


def test_patient_view_below_the_line_is_silent(trd: Trd, bundle: Path) -> None:
    spoken = trd("cards", bundle, "--hook", "patient-view", "--as-of", AS_OF)
    assert spoken.status == 0
    assert spoken.document()["cards"] == []


def test_what_the_service_refuses_is_told_with_its_status(trd: Trd, tmp_path: Path, order: Path) -> None:
    bare = [one for one in record() if one["resourceType"] == "Patient"]
    file = written(tmp_path / "bare.json", bare)
    spoken = trd("cards", file, "--hook", "order-sign", "--order", order, "--as-of", AS_OF)
    assert (spoken.status, spoken.out) == (2, "")
    assert "412" in spoken.err
    assert "MedicationRequest" in spoken.err


def test_an_order_for_somebody_else_is_refused(trd: Trd, bundle: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.json", draft("p2"))
    spoken = trd("cards", bundle, "--hook", "order-sign", "--order", other, "--as-of", AS_OF)
    assert spoken.status == 2
    assert "412" in spoken.err


def test_a_client_of_the_registry_brings_its_zone_and_labels(
    trd: Trd, bundle: Path, order: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Path
) -> None:
    monkeypatch.setenv("TRD_CDS_REGISTRY_FILE", str(registry))
    arguments = ("cards", bundle, "--hook", "order-sign", "--order", order, "--as-of", AS_OF)
    assert trd(*arguments, "--client", "demo-client").document()["cards"]
    unknown = trd(*arguments, "--client", "somebody")
    assert unknown.status == 2
    assert "--client" in unknown.err

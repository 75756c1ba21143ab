"""The measured requests are what the benchmark says they are: valid FHIR, the same every time, answered as due."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson
import pytest

from benchmarks.corpora import (
    ORDERS,
    SCORES,
    Corpus,
    all_drugs,
    corpora,
    history,
    long_record,
    no_concern,
    resources_in,
)
from benchmarks.in_process import application, call
from tests.validity import check_twice

SMALL = tuple(corpora((50,)))


@pytest.mark.parametrize("corpus", SMALL, ids=lambda corpus: corpus.name)
def test_every_resource_is_valid(corpus: Corpus) -> None:
    for resource in resources_in(corpus):
        check_twice(resource)


@pytest.mark.parametrize("corpus", [history(), no_concern(), all_drugs()], ids=lambda corpus: corpus.name)
def test_fifty_orders_and_thirty_scores(corpus: Corpus) -> None:
    prefetch = orjson.loads(corpus.body)["prefetch"]
    assert len(prefetch["medicationRequests"]["entry"]) == ORDERS == 50
    assert len(prefetch["scales"]["entry"]) == SCORES == 30
    assert len({one["id"] for one in resources_in(corpus)}) == len(resources_in(corpus))


def test_a_long_record_has_its_size_and_its_mix_whatever_the_size() -> None:
    shares = []
    for size in (50, 500):
        record = long_record(size)
        assert len(record) == size
        counts = Counter(one["resourceType"] for one in record)
        shares.append({kind: many / size for kind, many in counts.items() if kind != "Patient"})
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_the_history_is_answered_in_full_and_what_is_of_no_concern_with_nothing() -> None:
    app = application()
    told = orjson.loads(asyncio.run(call(app, history())))["cards"]
    assert any("criteria met" in card["summary"] for card in told)
    assert any(card.get("suggestions") for card in told)
    assert orjson.loads(asyncio.run(call(app, no_concern())))["cards"] == []

"""Long records are judged in threads beside the loop: the reasoning shares nothing that one could spoil for another."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson

from cds_hooks.stories import Story, load_stories
from mappings.load import Knowledge
from plugin import assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.ingest import read_orders, read_record
from tests.edge.conftest import NOW

THREADS, ROUNDS = 6, 2


def judged(story: Story, knowledge: Knowledge) -> bytes:
    """All that the reasoning says of a story: the document, and what cards would tell."""
    orders = read_orders([story.suggested_order] if story.suggested_order else [], knowledge=knowledge)
    record = read_record(story.resources, knowledge=knowledge)
    concluded = assess(record, knowledge=knowledge, as_of=NOW.date(), orders=orders)
    said = [repr(draft) for draft in advise(concluded, hook="order-sign", knowledge=knowledge)]
    return orjson.dumps([to_document(concluded), said])


@contextmanager
def torn() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def test_records_judged_at_once_are_judged_as_each_alone(knowledge: Knowledge) -> None:
    """With knowledge that nobody has used before, so that what it keeps for later is filled by all at once."""
    stories = [story for story in load_stories(NOW.date(), knowledge) if story.suggested_order is not None][:6]
    alone = [judged(story, knowledge) for story in stories]
    assert len(set(alone)) == len(stories)
    for _ in range(ROUNDS):
        fresh, together = replace(knowledge), threading.Barrier(THREADS)

        def one(number: int, known: Knowledge = fresh, all_there: Callable[[], Any] = together.wait) -> bytes:
            all_there()
            return judged(stories[number], known)

        with torn(), ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(one, range(len(stories)))) == alone

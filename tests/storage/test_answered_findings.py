"""What was answered is found for exactly that client, patient, clinician and encounter, and only if it was shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_hooks.storage.feedback_book import FeedbackItem
from cds_hooks.storage.records import Records
from tests.storage.places import NOW, Place, issue

WHOM = {"client": "general", "patient": "p" * 64, "user": "Practitioner/d1", "encounter": "e" * 64}
FOUND = {"finding": "f" * 64, "facts": "a" * 64}


async def answer(records: Records, card: str, *reasons: str) -> None:
    item = FeedbackItem(card=card, outcome="overridden", reasons=reasons, reason_given="ours", happened_at=NOW)
    await records.keep_feedback([item], {"kind": "feedback"}, client=WHOM["client"], service="s", at=NOW)


def test_an_answer_is_found_with_its_reasons(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records, **WHOM, **FOUND)
        await answer(records, card, "already-considered", "patient-preference")
        [found] = await records.answered.of(**WHOM, since=NOW)
        assert (found.finding, found.facts, found.hook) == (FOUND["finding"], FOUND["facts"], "order-sign")
        assert found.reasons == {"already-considered", "patient-preference"}

    place.play(scenario)


@pytest.mark.parametrize("other", sorted(WHOM))
def test_nobody_elses_answer_is(place: Place, other: str) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records, **WHOM, **FOUND)
        await answer(records, card)
        assert await records.answered.of(**{**WHOM, other: "x"}, since=NOW) == ()

    place.play(scenario)


@pytest.mark.parametrize("changed", [{"shown": False}, {"finding": ""}], ids=["in shadow", "no finding"])
def test_what_was_not_shown_or_found_nothing_is_not(place: Place, changed: dict[str, object]) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records, **{**WHOM, **FOUND, **changed})
        await answer(records, card)
        assert await records.answered.of(**WHOM, since=NOW) == ()

    place.play(scenario)


def test_an_old_answer_and_an_unanswered_card_are_not(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records, **WHOM, **FOUND)
        assert await records.answered.of(**WHOM, since=NOW) == ()
        await answer(records, card)
        assert await records.answered.of(**WHOM, since=NOW + timedelta(seconds=1)) == ()

    place.play(scenario)

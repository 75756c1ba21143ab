# ruff: noqa: S608 - the statements are an attacker's, and ours
"""The audit trail: one unbroken row, whoever appends, and whoever tries to change it is found."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
import pytest

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage.audit_chain import START
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import AT_ONCE
from tests.storage.places import NOW, Place, issue, unbroken


async def _note(records: Records, events: int, start: int = 0, step: timedelta = timedelta(minutes=1)) -> None:
    for number in range(start, start + events):
        await records.note({"event": number}, NOW + number * step)


def test_events_are_numbered_from_one_in_the_order_they_were_written(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        numbers = [await records.note({"b": 2, "a": number}, NOW) for number, records in enumerate([one, other] * 3)]
        assert numbers == [1, 2, 3, 4, 5, 6]
        events = await one.audit.events()
        assert [orjson.loads(record)["a"] for _, record in events] == [0, 1, 2, 3, 4, 5]
        assert events[0][1] == '{"a":0,"b":2}'
        await unbroken(other, 6)
        assert await one.audit.events(since=NOW + timedelta(seconds=1)) == ()

    place.play(scenario, replicas=2)


def test_an_empty_trail_is_unbroken(place: Place) -> None:
    place.play(lambda records: unbroken(records, 0))


def test_replicas_that_append_at_once_leave_no_gap_and_no_fork(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        numbers = await asyncio.gather(*(replicas[n % 3].note({"n": n}, NOW) for n in range(150)))
        assert sorted(numbers) == list(range(1, 151))
        await unbroken(replicas[0], 150)

    place.play(scenario, replicas=3)


def test_processes_that_append_at_once_leave_no_gap_and_no_fork(place: Place) -> None:
    assert place.append_elsewhere(3, 60) == [0, 0, 0]
    place.play(lambda records: unbroken(records, 180))


def test_a_check_while_others_append_sees_one_state(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        writing = asyncio.create_task(_note(one, 80))
        checks = 0
        while not writing.done() or not checks:
            assert (await other.audit.verify()).broken == ""
            checks += 1
        await writing
        await unbroken(other, 80)

    place.play(scenario, replicas=2)


def test_an_event_is_kept_with_what_it_is_about_or_not_at_all(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        with pytest.raises(RecordsUnavailable):
            await issue(records, id=card)  # the card is there already
        await unbroken(records, 1)

    place.play(scenario)
    assert place.sql("SELECT count(*) FROM calls") == [(1,)]


_EVENT = "seq, at, record, previous, mark"
_COPY = "INSERT INTO audit_events ({0}) SELECT {1}, at, record, previous, mark FROM audit_events WHERE seq = {2}"


def _copy(source: int, target: int | str) -> str:
    return _COPY.format(_EVENT, target, source)


_CUT_TAIL = (
    "UPDATE audit_head SET seq = 5, mark = (SELECT mark FROM audit_events WHERE seq = 5)",
    "DELETE FROM audit_events WHERE seq > 5",
)
_CUT_HEAD = (
    "UPDATE audit_head SET first_seq = 4, before_first = (SELECT mark FROM audit_events WHERE seq = 3)",
    "DELETE FROM audit_events WHERE seq < 4",
)
_EMPTIED = (
    f"UPDATE audit_head SET seq = 0, mark = '{START}', first_seq = 1, before_first = '{START}'",
    "DELETE FROM audit_events",
)
TAMPERING = {
    "a record is changed": ("UPDATE audit_events SET record = replace(record, '4', '5') WHERE seq = 5",),
    "an instant is changed": ("UPDATE audit_events SET at = at - 1 WHERE seq = 5",),
    "a mark is changed": (f"UPDATE audit_events SET mark = '{'0' * 64}' WHERE seq = 5",),
    "a mark is no mark": ("UPDATE audit_events SET mark = 'é' WHERE seq = 5",),
    "an event is removed": ("DELETE FROM audit_events WHERE seq = 5",),
    "the last is removed": ("DELETE FROM audit_events WHERE seq = 9",),
    "the first is removed": ("DELETE FROM audit_events WHERE seq = 1",),
    "all are removed": ("DELETE FROM audit_events",),
    "one is put after the end": (_copy(9, 10),),
    "one is put far after the end": (_copy(9, 1000),),
    "one is put before the beginning": (_copy(1, 0),),
    "one is put in between": (
        "UPDATE audit_events SET seq = -seq WHERE seq > 5",
        "UPDATE audit_events SET seq = 1 - seq WHERE seq < 0",
        _copy(5, 6),
        "UPDATE audit_head SET seq = 10",
    ),
    "two change places": (
        "UPDATE audit_events SET seq = -4 WHERE seq = 4",
        "UPDATE audit_events SET seq = 4 WHERE seq = 5",
        "UPDATE audit_events SET seq = 5 WHERE seq = -4",
    ),
    "two swap records": (
        "UPDATE audit_events SET record = CASE seq WHEN 4 THEN '{\"event\":4}' ELSE '{\"event\":3}' END"
        " WHERE seq IN (4, 5)",
    ),
    "one is repeated in the place of another": ("DELETE FROM audit_events WHERE seq = 6", _copy(5, 6)),
    "the tail is cut with its head": _CUT_TAIL,
    "the beginning is cut with its head": _CUT_HEAD,
    "the trail is emptied with its head": _EMPTIED,
    "the trail is emptied and unsealed": (*_EMPTIED, "UPDATE audit_head SET seal = ''"),
    "the head names another event": ("UPDATE audit_head SET seq = 8",),
    "the head has another mark": (f"UPDATE audit_head SET mark = '{'0' * 64}'",),
    "the head has another seal": ("UPDATE audit_head SET seal = mark",),
    "the head is removed": ("DELETE FROM audit_head",),
}


@pytest.mark.parametrize("statements", TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_found(place: Place, statements: tuple[str, ...]) -> None:
    place.play(lambda records: _note(records, 9))
    place.sql(*statements)

    async def check(records: Records) -> str:
        return (await records.audit.verify()).broken

    assert place.play(check)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET record = x'00ff' WHERE seq = 5",
        "UPDATE audit_events SET record = CAST(x'ff' AS TEXT) WHERE seq = 5",
        "UPDATE audit_events SET at = 'yesterday' WHERE seq = 5",
        "UPDATE audit_events SET seq = 'five' WHERE seq = 5",
        "UPDATE audit_events SET seq = 4.5 WHERE seq = 5",
        "UPDATE audit_head SET seq = 'nine'",
        "UPDATE audit_head SET first_seq = x'00'",
        "UPDATE audit_head SET mark = CAST(x'ff' AS TEXT)",
        "UPDATE audit_head SET seal = x'00'",
    ],
)
def test_what_only_an_embedded_database_takes_is_found_too(file_place: Place, statement: str) -> None:
    """There any column takes values of any type."""
    file_place.play(lambda records: _note(records, 9))
    file_place.sql(statement)

    async def check(records: Records) -> str:
        return (await records.audit.verify()).broken

    assert file_place.play(check)


@pytest.mark.parametrize("statements", [_CUT_TAIL, _CUT_HEAD, _EMPTIED], ids=["tail", "beginning", "all"])
def test_a_cut_is_not_covered_by_what_the_service_writes_afterwards(place: Place, statements: tuple[str, ...]) -> None:
    async def more(records: Records) -> str:
        await records.prepare(NOW)
        await _note(records, 5, start=9)
        await records.forget_old(NOW + timedelta(days=40))
        return (await records.audit.verify()).broken

    place.play(lambda records: _note(records, 9))
    place.sql(*statements)
    assert "head was changed" in place.play(more)


@pytest.mark.parametrize("hidden", ["DELETE FROM audit_events WHERE seq = 5", "UPDATE audit_events SET at = 0"])
def test_retention_removes_no_evidence(place: Place, hidden: str) -> None:
    """Neither a break that has come of age, nor events whose instant somebody set back."""

    async def forget(records: Records) -> tuple[str, int]:
        gone = await records.forget_old(NOW + timedelta(days=40))
        return (await records.audit.verify()).broken, gone.audit_events

    place.play(lambda records: _note(records, 9))
    place.sql(hidden)
    broken, gone = place.play(forget)
    assert broken and gone == (4 if "DELETE" in hidden else 0)


def test_a_trail_rewritten_with_another_key_is_found(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await _note(records, 3)
        assert "another key" in (await records.audit.verify()).broken

    forger = place.with_keys(b"x" * 32)
    forger.sql("DELETE FROM installation")
    forger.sql("UPDATE audit_head SET seal = ''")

    async def forge(records: Records) -> None:
        await records.prepare(NOW)
        await _note(records, 3)
        await unbroken(records, 3)

    forger.play(forge)
    forger.sql(f"UPDATE installation SET key_mark = '{place.keys.mark}'")
    place.play(scenario)


def test_an_older_copy_of_the_whole_database_is_found_by_a_noted_head_alone(file_place: Place) -> None:
    async def note(records: Records) -> tuple[int, str]:
        await _note(records, 3)
        state = await records.audit.verify()
        return state.head_seq, state.head_mark

    assert file_place.file is not None
    file_place.play(note)
    older = file_place.file.read_bytes()
    seq, mark = file_place.play(note)
    for path in file_place.file.parent.glob(f"{file_place.file.name}*"):
        path.unlink()
    file_place.file.write_bytes(older)
    file_place.play(lambda records: unbroken(records, 3))
    assert not file_place.play(lambda records: records.audit.holds(seq, mark))


def test_a_noted_head_is_held_until_it_is_past_its_time(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await _note(records, 3)
        noted = await records.audit.verify()
        assert await records.audit.holds(noted.head_seq, noted.head_mark)
        assert not await records.audit.holds(2, noted.head_mark)
        await _note(records, 3, start=3)
        assert await records.audit.holds(noted.head_seq, noted.head_mark)
        await records.forget_old(NOW + timedelta(days=30, minutes=3))
        await unbroken(records, 3)
        assert await records.audit.holds(noted.head_seq, noted.head_mark)  # the last one removed is still known
        await records.forget_old(NOW + timedelta(days=40))
        assert not await records.audit.holds(noted.head_seq, noted.head_mark)

    place.play(scenario)


def test_a_long_trail_is_walked_and_forgotten_in_parts(file_place: Place) -> None:
    async def scenario(records: Records) -> None:
        def write(connection: object) -> None:
            for number in range(AT_ONCE + 500):
                records.audit.append(connection, {"n": number}, NOW)  # type: ignore[arg-type]

        await records.database.write(write)
        await unbroken(records, AT_ONCE + 500)
        assert (await records.forget_old(NOW + timedelta(days=31))).audit_events == AT_ONCE + 500
        await unbroken(records, 0)
        assert await records.note({"n": 0}, NOW) == AT_ONCE + 501
        await unbroken(records, 1)

    file_place.play(scenario)

# ruff: noqa: S608 - the statements are an attacker's, and ours
"""The trail under any order of appending, forgetting, changing the key, and tampering, against a plain model of it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cds_hooks.storage.records import Records
from tests.storage.places import DAYS, NOW, Place

pytestmark = pytest.mark.services  # processes, locks and long waits: part of test-all

KEY_RING = (b"k" * 32, b"l" * 32, b"m" * 32)


def _machine(template: Path) -> type[RuleBasedStateMachine]:
    class Trail(RuleBasedStateMachine):
        """`kept` is the model: number, content and instant of every event that should be there."""

        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp(prefix="trd-cds-trail-"))
            self.file = self.folder / "records.sqlite3"
            shutil.copy(template, self.file)
            self.runner = asyncio.Runner()
            self.ring = 1
            self.opened: list[Records] = []
            self.kept: list[tuple[int, int, timedelta]] = []
            self.last = 0
            self.tampered = False

        def _open(self) -> Records:
            keys = KEY_RING[self.ring - 1 :: -1]
            records = Place(url=f"sqlite:///{self.file}", file=self.file).with_keys(*keys).records()
            self.runner.run(records.prepare(NOW))
            return records

        @initialize(replicas=st.integers(1, 3))
        def start(self, replicas: int) -> None:
            self.opened = [self._open() for _ in range(replicas)]

        @rule(content=st.integers(0, 99), who=st.integers(0, 2), hours=st.integers(-48, 24 * 80))
        def append(self, content: int, who: int, hours: int) -> None:
            at = timedelta(hours=hours)
            seq = self.runner.run(self.opened[who % len(self.opened)].note({"n": content}, NOW + at))
            assert seq == self.last + 1
            self.last = seq
            self.kept.append((seq, content, at))

        @rule(who=st.integers(0, 2), days=st.integers(0, 120))
        def forget(self, who: int, days: int) -> None:
            gone = self.runner.run(self.opened[who % len(self.opened)].forget_old(NOW + timedelta(days=days)))
            expected = 0
            for _, _, at in self.kept:
                if at >= timedelta(days=days - DAYS.audit_days):
                    break
                expected += 1
            if not self.tampered:
                assert gone.audit_events == expected
            self.kept = self.kept[gone.audit_events :]

        @precondition(lambda self: self.ring < len(KEY_RING))
        @rule()
        def change_key(self) -> None:
            self.ring += 1
            self.stop()
            self.opened = [self._open() for _ in self.opened]

        @precondition(lambda self: self.kept and not self.tampered)
        @rule(data=st.data())
        def tamper(self, data: st.DataObject) -> None:
            """Somebody without the key changes one row, or cuts the trail and mends the head."""
            seq = data.draw(st.sampled_from([seq for seq, _, _ in self.kept]))
            after = f"(SELECT mark FROM audit_events WHERE seq = {seq})"
            statements = data.draw(
                st.sampled_from(
                    [
                        [f"UPDATE audit_events SET record = record || ' ' WHERE seq = {seq}"],
                        [f"UPDATE audit_events SET at = at + 1 WHERE seq = {seq}"],
                        [f"DELETE FROM audit_events WHERE seq = {seq}"],
                        [
                            f"UPDATE audit_head SET seq = {seq - 1},"
                            f" mark = (SELECT previous FROM audit_events WHERE seq = {seq})",
                            f"DELETE FROM audit_events WHERE seq >= {seq}",
                        ],
                        [
                            f"UPDATE audit_head SET first_seq = {seq + 1}, before_first = {after}",
                            f"DELETE FROM audit_events WHERE seq <= {seq}",
                        ],
                    ]
                )
            )
            with closing(sqlite3.connect(self.file, isolation_level=None)) as raw:
                for statement in statements:
                    raw.execute(statement)
                self.last, *_ = raw.execute("SELECT seq FROM audit_head").fetchone()
                there = {name for (name,) in raw.execute("SELECT seq FROM audit_events")}
            self.kept = [event for event in self.kept if event[0] in there]
            self.tampered = True

        @invariant()
        def the_check_tells_the_truth(self) -> None:
            for records in self.opened:
                state = self.runner.run(records.audit.verify())
                assert bool(state.broken) == self.tampered
                if not self.tampered:
                    events = self.runner.run(records.audit.events())
                    told = [(seq, orjson.loads(record)["n"]) for seq, record in events]
                    assert told == [(seq, content) for seq, content, _ in self.kept]
                    assert (state.events, state.head_seq) == (len(self.kept), self.last)

        def stop(self) -> None:
            for records in self.opened:
                self.runner.run(records.database.close())

        def teardown(self) -> None:
            self.stop()
            self.runner.close()
            shutil.rmtree(self.folder)

    return Trail


def test_the_check_finds_tampering_and_nothing_else(file_template: Path) -> None:
    run_state_machine_as_test(
        _machine(file_template), settings=settings(max_examples=20, stateful_step_count=12, deadline=None)
    )

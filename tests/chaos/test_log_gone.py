"""A log that cannot be written, on a full disk or to a reader that has gone: calls are answered, and it is counted."""

from __future__ import annotations

import asyncio
import errno
import io

from cds_hooks.observing.request_log import RequestLog
from tests.chaos.conftest import Body, Opened


class Full(io.StringIO):
    """A stream on a disk without room."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_breaks_off_no_answer(opened: Opened, bodies: list[Body]) -> None:
    async def scene() -> None:
        async with opened(log=Full()) as service:
            answer = await service.sign(bodies[0])
            assert answer.status_code == 200 and answer.json()["cards"]
            assert (await service.records.audit.verify()).events == 1
            counted = (await service.get("/metrics")).text
            assert 'trd_cds_write_failures_total{book="log"} 1.0' in counted
            assert 'trd_cds_write_failures_total{book="audit"} 0.0' in counted

    asyncio.run(scene())


def test_a_warning_that_cannot_be_written_ends_nothing() -> None:
    """Housekeeping warns when the database does not answer, and both often lie on the same full disk."""
    RequestLog(Full()).warn("records past their time could not be removed: the database does not answer")

"""Writing to an EHR that answers too much, too slowly or packed: nothing of it is waited for or unpacked."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart import chart_writing
from cds_hooks.smart.chart_writing import ChartWriter
from cds_hooks.smart.registration import registered
from cds_hooks.smart.sessions import Session


async def endless():
    while True:
        yield b" "
        await asyncio.sleep(0.001)


ANSWERS = {
    "a bomb": lambda: httpx.Response(201, content=gzip.compress(bytes(10)), headers={"Content-Encoding": "gzip"}),
    "too large": lambda: httpx.Response(201, content=bytes(chart_writing.LARGEST_ANSWER + 1)),
    "byte by byte": lambda: httpx.Response(201, content=endless()),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_not_read_to_its_end(answer, smart, monkeypatch):
    monkeypatch.setattr(chart_writing, "WRITE_SECONDS", 0.05)
    session = Session(
        ehr="general", ends=0.0, token_ends=0.0, scope="patient/Observation.c", patient="p", user=smart.DOCTOR,
        token="t", refresh_token="",
    )  # fmt: skip
    line = CallLine()

    async def write():
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer())) as http:
            writer = ChartWriter(http, registered(smart.entry()), session, line)
            await writer.request("POST", "Observation", json={"resourceType": "Observation"})

    with pytest.raises(httpx.HTTPError):
        asyncio.run(write())

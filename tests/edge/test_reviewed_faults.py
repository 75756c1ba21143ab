"""What the review of the service found: big batches, what is told and what is lost, orders switched while running."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from uuid import uuid4

import pytest
from starlette.requests import Request
from uvicorn import Config
from uvicorn.server import ServerState

from cds_hooks.bodies import Crowded, Intake
from cds_hooks.errors import BadRequest, BodyTooLarge
from cds_hooks.feedback import MOST_ITEMS
from cds_hooks.unreadable import LARGEST_HEAD, OutcomeProtocol
from cds_hooks.verdict_memory import VerdictMemory
from tests.record_keeping import new_records

LOOP = asyncio.new_event_loop()
CONFIG = Config(lambda: None, log_level="critical")
CONFIG.load()
FEEDBACK = "/cds-services/trd-order-select/feedback"


def test_a_batch_of_too_many_items_is_refused_before_anybody_is_known(clinic, keyring):
    body = json.dumps({"feedback": [1] * (MOST_ITEMS + 1)})
    answer = clinic(registry=keyring.registry()).send("POST", FEEDBACK, content=body)
    assert answer.status_code == 413
    assert answer.json()["issue"][0]["expression"] == ["feedback"]


def test_a_verdict_that_could_not_be_written_down_is_told_at_the_next_call(
    clinic, keyring, making, card_drafts, tmp_path, monkeypatch
):
    from cds_hooks.errors import RecordsUnavailable
    from cds_hooks.storage.records import Records

    card_drafts(1, lasting=True)
    service = clinic(registry=keyring.registry(), records=new_records(tmp_path))
    told = []
    monkeypatch.setattr(VerdictMemory, "remember", lambda _, **said: told.append(said["verdict"]))

    def fire():
        token = keyring.token(aud=f"{making.base}/cds-services/trd-patient-view", jti=uuid4().hex)
        return service.fire(making.call("patient-view"), headers={"Authorization": f"Bearer {token}"})

    async def away(*_):
        raise RecordsUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(Records, "keep_call", away)
        assert fire().status_code == 503
    assert told == []
    assert len(fire().json()["cards"]) == 1
    assert len(told) == 1


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_nothing_is_acknowledged_into_a_file_that_is_no_longer_there(clinic, tmp_path, change):
    records = new_records(tmp_path)
    service = clinic(records=records)
    item = json.dumps({"feedback": [{"card": "x", "outcome": "overridden"}]})
    assert service.send("POST", FEEDBACK, content=item).status_code == 200
    for file in tmp_path.glob("records.sqlite3*"):
        file.unlink()
    if change == "replaced":
        new_records(tmp_path)
    assert service.send("POST", FEEDBACK, content=item).status_code == 503


@pytest.mark.parametrize(
    ("start", "chunk"),
    [
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 65_536),
        (b"GET /", b"a" * 65_536),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n" * 10_000),
    ],
    ids=["one long header", "a long address", "many headers"],
)
def test_an_endless_head_is_cut_off(start, chunk):
    """Below the application: the protocol itself, as the server feeds it."""
    written, closed = [], []
    protocol = OutcomeProtocol(config=CONFIG, server_state=ServerState(), app_state={}, _loop=LOOP)
    protocol.connection_made(
        SimpleNamespace(
            get_extra_info=lambda *_: None,
            write=written.append,
            close=lambda: closed.append(True),
            is_closing=lambda: bool(closed),
            set_protocol=None,
            pause_reading=lambda: None,
            resume_reading=lambda: None,
        )
    )
    protocol.data_received(start)
    sent = 0
    while not closed and sent < 10_000_000:
        protocol.data_received(chunk)
        sent += len(chunk)
    assert closed and sent <= LARGEST_HEAD + 2 * 262_144
    assert written[0].startswith(b"HTTP/1.1 400 ")


def arriving(*chunks, forever=False):
    """A request whose body arrives in these chunks, and then perhaps never ends."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive():
        if messages:
            return messages.pop(0)
        if forever:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": b"", "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_body_that_never_ends_is_given_up():
    with pytest.raises(BadRequest, match="in time"):
        asyncio.run(Intake(1_000, seconds=0.05).read(arriving(b"{", forever=True)))


def test_all_bodies_together_have_a_bound_and_give_their_room_back():
    async def scenario():
        intake = Intake(100, seconds=5, together=2)
        slow = [asyncio.create_task(intake.read(arriving(b"x" * 90, forever=True))) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Crowded):
            await intake.read(arriving(b"y" * 30))
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert await intake.read(arriving(b"y" * 90)) == b"y" * 90
        with pytest.raises(BodyTooLarge):
            await intake.read(arriving(b"y" * 101))

    asyncio.run(scenario())

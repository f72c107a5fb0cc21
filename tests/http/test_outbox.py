"""What waits for a socket's other end: little, in order, and not for long."""

import asyncio
from typing import Any

import pytest

from app.http import outbox
from app.http.outbox import Full, Gone, Outbox
from tests.http.socket_client import eventually

OVERLOADED = 1013


class Server:
    """The ASGI server's side of one socket, with a buffer that is full while nobody reads."""

    def __init__(self) -> None:
        self.is_writable = asyncio.Event()
        self.is_writable.set()
        self.sent: list[Any] = []
        self.is_aborted = False
        self.failure: Exception | None = None
        self.transport = self

    async def send(self, message: Any) -> None:
        await self.is_writable.wait()
        if self.failure:
            raise self.failure
        self.sent.append(message.get("text", message.get("code")))

    async def receive(self) -> Any:
        raise AssertionError

    def abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def box(server: Server) -> Outbox:
    return Outbox(server.receive, server.send)


async def test_a_frame_goes_out_at_once_and_without_a_task(server: Server, box: Outbox) -> None:
    before = asyncio.all_tasks()

    box.put("a")

    assert server.sent == ["a"]
    assert asyncio.all_tasks() == before


async def test_frames_wait_for_an_end_that_lags_and_keep_their_order(server: Server, box: Outbox) -> None:
    server.is_writable.clear()
    for frame in "abc":
        box.put(frame)
    nothing_yet = list(server.sent)

    server.is_writable.set()
    await eventually(lambda: len(server.sent) == 3)
    box.put("d")

    assert nothing_yet == []
    assert server.sent == ["a", "b", "c", "d"]


async def test_an_end_may_lag_again_and_again(server: Server, box: Outbox) -> None:
    for round_ in range(3):
        server.is_writable.clear()
        box.put(f"{round_}a")
        await asyncio.sleep(0)
        box.put(f"{round_}b")
        server.is_writable.set()
        await eventually(lambda: len(server.sent) % 2 == 0 and server.sent)

    assert server.sent == ["0a", "0b", "1a", "1b", "2a", "2b"]


async def test_whoever_settles_waits_for_the_end_to_catch_up_but_not_for_long(
    server: Server, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LAG_S", 60)
    await box.settle()
    server.is_writable.clear()
    box.put("a")
    settling = asyncio.create_task(box.settle())
    await asyncio.sleep(0)
    was_waiting = not settling.done()

    server.is_writable.set()
    await asyncio.wait_for(settling, 5)
    server.is_writable.clear()
    box.put("b")
    monkeypatch.setattr(outbox, "LAG_S", 0)
    await asyncio.wait_for(box.settle(), 5)
    server.is_writable.set()
    await eventually(lambda: server.sent == ["a", "b"])

    assert was_waiting


async def test_too_many_frames_are_refused(
    server: Server, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FRAMES", 3)
    server.is_writable.clear()
    for frame in "abcd":  # the first is the server's already
        box.put(frame)

    with pytest.raises(Full):
        box.put("e")
    box.close(OVERLOADED, "Too slow")
    server.is_writable.set()
    await eventually(lambda: len(server.sent) == 2)

    assert server.sent == ["a", OVERLOADED]


async def test_too_much_text_is_refused_but_one_long_frame_is_not(
    server: Server, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_CHARACTERS", 10)
    server.is_writable.clear()
    box.put("a")
    box.put("x" * 100)

    with pytest.raises(Full):
        box.put("b")

    server.is_writable.set()
    await eventually(lambda: server.sent == ["a", "x" * 100])


async def test_an_end_that_reads_nothing_is_dropped(
    server: Server, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SEND_TIMEOUT_S", 0.01)
    server.is_writable.clear()
    box.put("a")
    box.put("b")

    await eventually(lambda: server.is_aborted)

    with pytest.raises(Gone):
        box.put("c")
    assert server.sent == []


async def test_after_the_goodbye_nothing_is_said(server: Server, box: Outbox) -> None:
    box.close(OVERLOADED, "ž" * 100)
    box.close(OVERLOADED, "again")

    with pytest.raises(Gone):
        box.put("a")
    assert server.sent == [OVERLOADED]


@pytest.mark.parametrize("failure", [OSError("gone"), RuntimeError("after close")])
async def test_a_connection_that_ended_meanwhile_is_noticed(
    server: Server, box: Outbox, failure: Exception
) -> None:
    server.failure = failure

    with pytest.raises(Gone):
        box.put("a")
    with pytest.raises(Gone):
        box.put("b")


async def test_a_connection_that_ends_while_frames_wait_is_noticed(server: Server, box: Outbox) -> None:
    server.is_writable.clear()
    box.put("a")
    box.put("b")
    server.failure = OSError("gone")
    server.is_writable.set()

    await eventually(lambda: box.is_closed)

    assert server.sent == []

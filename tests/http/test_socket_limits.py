"""What a socket may cost: messages, operations, time, memory, and readers that lag."""

import asyncio
import time
from collections import Counter

import orjson
import pytest

from app.http import outbox, socket_operation
from tests.http.socket_client import eventually, opened, signed_in
from tests.http.toy import Toy, running


def server_tasks() -> Counter[str]:
    """The names of what runs, without a client's own."""
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return Counter(name for name in names if name != "Connection.keepalive")


async def test_an_idle_socket_has_the_servers_task_and_a_subscription_one_more(toy: Toy) -> None:
    async with signed_in(toy):
        before = server_tasks()
        async with signed_in(toy) as client:
            idle = server_tasks() - before
            await client.subscribe("subscription { feed }")
            await eventually(lambda: len(toy.feeds) == 1)
            subscribed = server_tasks() - before

    assert idle == {"WebSocketsSansIOProtocol.run_asgi": 1}
    assert subscribed == idle + Counter({"SocketOperation._run": 1})


async def test_the_21st_operation_is_refused_and_the_others_live(toy: Toy) -> None:
    async with signed_in(toy) as client:
        for number in range(21):
            await client.subscribe("subscription { feed }", str(number))
        refused = await client.receive()
        await eventually(lambda: len(toy.feeds) == 20)
        toy.say("all")
        ids = {(await client.receive())["id"] for _ in range(20)}

    assert (refused["id"], refused["type"]) == ("20", "error")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert ids == {str(number) for number in range(20)}


async def test_a_flood_of_messages_closes_with_1013(toy: Toy) -> None:
    async with signed_in(toy) as client:
        for number in range(300):
            await client.send(type="complete", id=str(number))

        assert await client.closed() == (
            1013,
            "More than 100 messages at once: send fewer, then come back",
        )


async def test_a_frame_over_64_kib_closes_with_1009(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.connection.send(orjson.dumps({"type": "ping", "payload": {"x": "x" * 70_000}}).decode())

        assert (await client.closed())[0] == 1009


async def test_compression_is_not_offered(toy: Toy) -> None:
    async with opened(toy, compression="deflate") as client:
        assert client.connection.protocol.extensions == []


async def test_an_operation_that_takes_too_long_is_given_up(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_operation, "OPERATION_TIMEOUT_S", 0.05)
    async with signed_in(toy) as client:
        await client.subscribe("{ slow }")
        error = await client.receive()

    assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "TIMEOUT")


async def test_a_client_that_leaves_stops_its_subscriptions(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription { feed }")
        await eventually(lambda: len(toy.feeds) == 1)

    await eventually(lambda: not toy.feeds)
    await eventually(lambda: toy.sockets.count == 0)


async def test_a_reader_that_sleeps_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SEND_TIMEOUT_S", 0.3)
    async with running() as toy, signed_in(toy) as client:
        await client.subscribe("subscription { flood }")
        client.connection.transport.pause_reading()

        await eventually(lambda: toy.sockets.count == 0)
        await eventually(lambda: not toy.server.server_state.connections)
        client.connection.transport.abort()  # the client's own close would wait for a reader too


async def test_a_restart_closes_with_1012_at_once() -> None:
    async with running() as toy, signed_in(toy) as client:
        await client.subscribe("subscription { feed }")
        await eventually(lambda: len(toy.feeds) == 1)
        started = time.monotonic()
        toy.server.should_exit = True
        code, _ = await client.closed()

        await eventually(lambda: not toy.feeds)
    assert code == 1012
    assert time.monotonic() - started < 2


async def test_100_sockets_get_their_own_events(toy: Toy) -> None:
    async def count(number: int) -> list[int]:
        async with signed_in(toy) as client:
            await client.subscribe(f"subscription {{ count(to: {number}) }}")
            return [
                message["payload"]["data"]["count"]
                for message in (await client.receive_until_complete())[:-1]
            ]

    for start in range(0, 100, 10):
        counts = await asyncio.gather(*(count(number) for number in range(start, start + 10)))
        assert counts == [list(range(number)) for number in range(start, start + 10)]


async def test_a_client_that_does_not_keep_up_is_asked_to_come_back(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FRAMES", 3)
    monkeypatch.setattr(outbox, "LAG_S", 0)
    async with signed_in(toy) as client:
        await client.subscribe("subscription { feed }")
        await eventually(lambda: len(toy.feeds) == 1)
        client.connection.transport.pause_reading()
        for _ in range(100):
            toy.say("x" * 1_000_000)
        await eventually(lambda: not toy.feeds)
        client.connection.transport.resume_reading()

        code, reason = await client.closed()

    assert (code, reason) == (1013, "Events come faster than you read them")


async def test_a_client_that_reads_gets_all_of_a_long_stream(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FRAMES", 3)
    monkeypatch.setattr(outbox, "LAG_S", 60)
    async with signed_in(toy) as client:
        await client.subscribe("subscription { count(to: 5000) }")
        received = await client.receive_until_complete()

    assert [each["payload"]["data"]["count"] for each in received[:-1]] == list(range(5_000))

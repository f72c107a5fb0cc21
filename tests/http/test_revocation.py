"""A socket lives no longer than its session."""

import asyncio
import time
from uuid import uuid4

import pytest

from app.http.sockets import Sockets
from tests.http.socket_client import SocketClient, eventually, opened, signed_in
from tests.http.toy import Toy, running

FEED = "subscription { feed }"


async def listening(toy: Toy, client: SocketClient) -> None:
    before = len(toy.feeds)
    await client.subscribe(FEED)
    await eventually(lambda: len(toy.feeds) == before + 1)


async def test_a_dismissed_employees_sockets_close_at_once_and_nobody_elses(toy: Toy) -> None:
    account = uuid4()
    token, other_session, stranger = toy.sign_in(account), toy.sign_in(account), toy.sign_in()
    async with (
        signed_in(toy, token) as a,
        signed_in(toy, token) as b,
        signed_in(toy, other_session) as c,
        signed_in(toy, stranger) as d,
    ):
        for client in (a, b, c, d):
            await listening(toy, client)

        del toy.sessions[token]
        revoked_at = time.monotonic()
        toy.sockets.account_changed(str(account))
        codes = [(await client.closed())[0] for client in (a, b)]
        took = time.monotonic() - revoked_at
        toy.say("news")
        alive = [await client.receive() for client in (c, d)]

    assert codes == [4403, 4403]
    assert took < 1
    assert [message["payload"]["data"]["feed"] for message in alive] == ["news", "news"]


async def test_no_event_is_delivered_after_the_session_ended_though_nobody_rang(toy: Toy) -> None:
    token = toy.sign_in()
    async with signed_in(toy, token) as client:
        await listening(toy, client)
        toy.say("before")
        before = await client.receive()

        del toy.sessions[token]
        toy.say("after")
        with pytest.raises(Exception, match="4403"):
            await client.receive()

    assert before["payload"]["data"]["feed"] == "before"
    assert client.connection.close_code == 4403
    await eventually(lambda: not toy.feeds)


async def test_a_mutation_of_an_ended_session_is_refused(toy: Toy) -> None:
    token = toy.sign_in()
    async with signed_in(toy, token) as client:
        del toy.sessions[token]
        await client.subscribe("mutation { writeMine }")

        assert (await client.closed())[0] == 4403
    assert toy.done == []


async def test_with_the_doorbell_dead_an_idle_socket_closes_at_the_next_round() -> None:
    async with running(Sockets(recheck_every_s=0.1)) as toy:
        token = toy.sign_in()
        async with signed_in(toy, token) as idle, signed_in(toy) as nobody:
            del toy.sessions[token]

            assert (await idle.closed(within_s=2))[0] == 4403
            await nobody.subscribe("{ hello }")
            assert (await nobody.receive())["type"] == "next"


async def test_a_database_that_is_away_ends_no_session() -> None:
    async with running(Sockets(recheck_every_s=0.05)) as toy:
        token = toy.sign_in()
        async with signed_in(toy, token) as client:
            await listening(toy, client)
            toy.is_database_down = True
            looked_up = toy.looked_up
            await eventually(lambda: toy.looked_up >= looked_up + 2)
            toy.is_database_down = False
            toy.say("still here")

            assert (await client.receive())["payload"]["data"]["feed"] == "still here"


async def test_who_arrives_or_listens_while_the_database_is_away_is_asked_to_come_back(toy: Toy) -> None:
    token = toy.sign_in()
    async with signed_in(toy, token) as listener, opened(toy) as newcomer:
        await listening(toy, listener)
        toy.is_database_down = True
        await newcomer.send(type="connection_init", payload={"token": token})
        toy.say("news")

        assert (await newcomer.closed())[0] == 1013
        assert (await listener.closed())[0] == 1013


async def test_strangers_of_one_address_are_bounded(toy: Toy) -> None:
    async with asyncio.TaskGroup() as group:
        enough = asyncio.Event()

        async def lurk() -> None:
            async with opened(toy):
                await enough.wait()

        for _ in range(20):
            group.create_task(lurk())
        await eventually(lambda: toy.sockets.count == 20)
        async with opened(toy) as client:
            refused = await client.closed()
        enough.set()

    assert refused[0] == 1013
    await eventually(lambda: toy.sockets.count == 0)


async def watching(client: SocketClient) -> None:
    await client.subscribe("subscription { watched }", "watched")
    assert (await client.receive())["payload"]["data"]["watched"] == "watching"


async def test_a_change_of_the_account_ends_what_is_no_longer_allowed_and_nothing_else(toy: Toy) -> None:
    account = uuid4()
    async with signed_in(toy, toy.sign_in(account)) as client:
        await watching(client)
        await listening(toy, client)
        toy.is_watching_forbidden = True
        toy.sockets.account_changed(account)

        refused = await client.receive()
        toy.say("news")
        told = await client.receive()

    assert (refused["id"], refused["type"]) == ("watched", "error")
    assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (told["id"], told["payload"]["data"]["feed"]) == ("1", "news")


async def test_a_change_of_the_account_has_its_subscriptions_look_again_and_nobody_elses(toy: Toy) -> None:
    account = uuid4()
    async with signed_in(toy, toy.sign_in(account)) as mine, signed_in(toy, toy.sign_in()) as other:
        for client in (mine, other):
            await watching(client)
        toy.sockets.account_changed(account)

        assert (await mine.receive())["payload"]["data"]["watched"] == "woken"
        await other.subscribe("{ hello }", "2")
        assert (await other.receive())["id"] == "2"


async def test_the_regular_round_disturbs_nobody_who_is_the_same_as_before() -> None:
    async with running(Sockets(recheck_every_s=0.05)) as toy:
        changed, same = toy.sign_in(), toy.sign_in()
        async with signed_in(toy, changed) as a, signed_in(toy, same) as b:
            for client in (a, b):
                await watching(client)
            toy.sessions[changed] = uuid4()
            looked_up = toy.looked_up

            assert (await a.receive())["payload"]["data"]["watched"] == "woken"
            await eventually(lambda: toy.looked_up >= looked_up + 6)
            await b.subscribe("{ hello }", "2")
            assert (await b.receive())["id"] == "2"


async def test_a_session_that_ends_while_a_socket_says_hello_leaves_no_socket(toy: Toy) -> None:
    token = toy.sign_in()
    async with opened(toy) as client:
        toy.ends_while_looked_up = True
        await client.send(type="connection_init", payload={"token": token})

        assert (await client.closed())[0] == 4403


async def test_after_missed_messages_every_socket_is_checked(toy: Toy) -> None:
    gone, alive = toy.sign_in(), toy.sign_in()
    async with signed_in(toy, gone) as a, signed_in(toy, alive) as b:
        del toy.sessions[gone]
        toy.sockets.messages_missed()

        assert (await a.closed())[0] == 4403
        await b.subscribe("{ hello }")
        assert (await b.receive())["type"] == "next"


async def test_a_message_about_an_account_without_sockets_is_harmless(toy: Toy) -> None:
    toy.sockets.account_changed(uuid4())

    async with signed_in(toy) as client:
        await client.subscribe("{ hello }")
        assert (await client.receive())["type"] == "next"


async def test_all_sockets_can_be_sent_away(toy: Toy) -> None:
    async with signed_in(toy) as a, signed_in(toy, toy.sign_in()) as b:
        await listening(toy, a)
        toy.sockets.close_all()

        assert [(await client.closed())[0] for client in (a, b)] == [1012, 1012]
    await eventually(lambda: not toy.feeds)

"""Lending connections. What lends is ours, so it is tried with connections that only say what became of them."""

import asyncio
from dataclasses import dataclass

import pytest

from app import db_pool
from app.db_pool import Pool
from app.errors import Exhausted


@dataclass(eq=False)
class Connection:
    number: int
    closed: bool = False
    busy: bool = False
    is_lost: bool = False

    def is_closed(self) -> bool:
        return self.closed

    def is_quiet(self) -> bool:
        return not self.closed and not self.busy

    def terminate(self) -> None:
        self.closed = True

    async def close(self, *, timeout: float | None = None) -> None:
        self.closed = True


class Maker:
    """Opens connections, unless it is told to fail."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.fails = False

    async def __call__(self) -> Connection:
        await asyncio.sleep(0)
        if self.fails:
            raise OSError("refused")
        self.made.append(Connection(len(self.made)))
        return self.made[-1]


@pytest.fixture
def maker() -> Maker:
    return Maker()


async def test_the_last_one_given_back_is_lent_first(maker: Maker) -> None:
    pool = Pool(maker, most=3)
    first, second = await pool.acquire(), await pool.acquire()
    await pool.release(first)
    await pool.release(second)

    assert await pool.acquire() is second
    assert len(maker.made) == 2


async def test_who_comes_when_all_are_lent_waits_his_turn(maker: Maker) -> None:
    pool = Pool(maker, most=1)
    only = await pool.acquire()
    served: list[int] = []

    async def ask(number: int) -> None:
        connection = await pool.acquire()
        served.append(number)
        await pool.release(connection)

    asking = [asyncio.create_task(ask(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert served == []
    await pool.release(only)
    await asyncio.gather(*asking)

    assert served == [0, 1, 2, 3, 4]
    assert len(maker.made) == 1


async def test_a_turn_that_is_given_up_goes_to_the_next(maker: Maker) -> None:
    pool = Pool(maker, most=1)
    only = await pool.acquire()
    first, second = (asyncio.create_task(pool.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    await pool.release(only)
    first.cancel()

    assert await asyncio.wait_for(second, 10) is only


@pytest.mark.parametrize("what", ["closed", "busy"])
async def test_one_that_is_closed_or_not_quiet_is_not_lent_again(maker: Maker, what: str) -> None:
    pool = Pool(maker, most=1)
    broken = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    setattr(broken, what, True)
    await pool.release(broken)

    fresh = await asyncio.wait_for(waiting, 10)

    assert fresh is not broken and broken.closed


async def test_one_that_broke_while_nobody_had_it_is_passed_over(maker: Maker) -> None:
    pool = Pool(maker, most=2)
    broken = await pool.acquire()
    await pool.release(broken)
    broken.closed = True

    assert await pool.acquire() is not broken


async def test_a_failure_to_open_is_told_and_takes_no_place(maker: Maker) -> None:
    pool = Pool(maker, most=1)
    maker.fails = True
    with pytest.raises(OSError, match="refused"):
        await pool.acquire()
    maker.fails = False

    assert await asyncio.wait_for(pool.acquire(), 10)


async def test_none_is_lent_that_lay_idle_for_longer_than_a_firewall_remembers_it(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool(maker, most=3)
    old = [await pool.acquire() for _ in range(2)]
    for each in old:
        await pool.release(each)
    monkeypatch.setattr(db_pool, "IDLE_FOR_S", -1.0)

    assert await pool.acquire() not in old
    assert all(each.closed for each in old)


async def test_with_one_whose_server_is_dead_the_idle_ones_go(maker: Maker) -> None:
    pool = Pool(maker, most=3)
    dead, idle, busy = [await pool.acquire() for _ in range(3)]
    await pool.release(idle)
    dead.is_lost = dead.busy = True
    await pool.release(dead)

    assert idle.closed and dead.closed and not busy.closed
    assert await pool.acquire() not in (dead, idle)


async def test_who_writes_leaves_a_part_to_those_who_read(maker: Maker) -> None:
    """A crowd that waits for one row's lock had all connections: others got 9 answers in 25 s."""
    pool = Pool(maker, most=3)
    writing = [await pool.acquire(writes=True) for _ in range(2)]
    third = asyncio.create_task(pool.acquire(writes=True))
    await asyncio.sleep(0)

    reading = await asyncio.wait_for(pool.acquire(), 10)

    assert not third.done()
    await pool.release(reading)
    assert not third.done()
    await pool.release(writing[0])
    assert await asyncio.wait_for(third, 10) is writing[0]


async def test_nobody_is_served_again_before_those_who_wait(maker: Maker) -> None:
    """One waited in vain while another, who came back at once each time, was served 2,758 times."""
    pool = Pool(maker, most=1)
    only = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)

    await pool.release(only)
    again = asyncio.create_task(pool.acquire())

    assert await asyncio.wait_for(waiting, 10) is only
    assert not again.done()
    await pool.release(only)
    assert await asyncio.wait_for(again, 10) is only


async def test_who_waits_too_long_is_told_so_and_leaves_no_trace(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool(maker, most=1)
    only = await pool.acquire()
    monkeypatch.setattr(db_pool, "ACQUIRE_S", 0.01)

    with pytest.raises(Exhausted, match="None of the 1 connections"):
        await pool.acquire()

    await pool.release(only)
    assert await pool.acquire() is only


async def test_closing_waits_for_what_is_lent(maker: Maker) -> None:
    pool = Pool(maker, most=2)
    lent, idle = await pool.acquire(), await pool.acquire()
    await pool.release(idle)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    assert not closing.done()
    await pool.release(lent)
    await asyncio.wait_for(closing, 10)

    assert lent.closed and idle.closed
    with pytest.raises(ConnectionError):
        await pool.acquire()


async def test_closing_ends_who_waits(maker: Maker) -> None:
    pool = Pool(maker, most=1)
    lent = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close())
    await pool.release(lent)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, 10)
    await asyncio.wait_for(closing, 10)

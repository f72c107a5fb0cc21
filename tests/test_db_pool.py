"""Lending connections. What lends is ours, so it is tried with connections that only say what became of them."""

import asyncio
from dataclasses import dataclass

import pytest

from app import db_pool
from app.db_pool import Pool


@dataclass(eq=False)
class Connection:
    number: int
    closed: bool = False
    busy: bool = False

    def is_closed(self) -> bool:
        return self.closed

    def is_quiet(self) -> bool:
        return not self.closed and not self.busy

    def terminate(self) -> None:
        self.closed = True

    async def close(self) -> None:
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


async def test_silent_ones_are_closed(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(maker, most=2)
    silent, busy = await pool.acquire(), await pool.acquire()
    await pool.release(silent)
    monkeypatch.setattr(db_pool, "IDLE_FOR_S", -1.0)
    await pool.release(busy)

    assert silent.closed and not busy.closed


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

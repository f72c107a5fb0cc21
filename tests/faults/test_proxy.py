"""The proxy does what it says, between a real client and a real server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.installation import until
from tests.faults.proxy import Proxy, Streams

SOON_S = 0.1


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[Proxy, list[bytes]]]:
    """A proxy to a server that says everything again, and how each of its connections ended."""
    endings: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1024):
                writer.write(chunk)
            endings.append(b"FIN")
        except ConnectionResetError:
            endings.append(b"RST")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, Proxy.to(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy, endings


async def caller(proxy: Proxy) -> Streams:
    """A connection that was answered."""
    streams = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await said(streams, b"first") == b"first"
    return streams


async def said(streams: Streams, text: bytes, within_s: float = 10) -> bytes:
    reader, writer = streams
    writer.write(text)
    async with asyncio.timeout(within_s):
        return await reader.readexactly(len(text))


async def test_what_is_said_passes_both_ways_and_so_does_the_end() -> None:
    async with echo() as (proxy, endings):
        reader, writer = await caller(proxy)

        writer.write_eof()

        assert await reader.read() == b""
        assert endings == [b"FIN"]


async def test_a_delay_holds_up_both_ways() -> None:
    async with echo() as (proxy, _):
        streams = await caller(proxy)
        proxy.delay_s, began = 0.05, time.monotonic()

        assert await said(streams, b"later") == b"later"
        assert time.monotonic() - began >= 0.1


async def test_a_reset_is_felt_on_both_sides() -> None:
    async with echo() as (proxy, endings):
        reader, _ = await caller(proxy)

        proxy.reset()

        with pytest.raises(ConnectionResetError):
            await reader.read()
        await until(lambda: endings)
        assert endings == [b"RST"]


async def test_after_a_half_close_no_answer_comes_and_what_is_sent_arrives() -> None:
    async with echo() as (proxy, endings):
        reader, writer = await caller(proxy)

        proxy.half_close()

        assert await reader.read() == b""
        writer.write(b"lost")
        writer.write_eof()
        await until(lambda: endings)
        assert endings == [b"FIN"]


@pytest.mark.parametrize("new_too", [False, True])
async def test_silence_holds_back_until_it_is_healed(new_too: bool) -> None:
    async with echo() as (proxy, _):
        old = await caller(proxy)
        proxy.silence(new_too=new_too)

        new = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(TimeoutError):
            await said(old, b"held", SOON_S)
        if new_too:
            with pytest.raises(TimeoutError):
                await said(new, b"held", SOON_S)
        else:
            assert await said(new, b"new") == b"new"

        proxy.heal()
        assert await old[0].readexactly(4) == b"held"


async def test_nothing_is_told_of_a_caller_that_leaves_in_silence() -> None:
    async with echo() as (proxy, endings):
        _, writer = await caller(proxy)
        proxy.silence()

        writer.transport.abort()
        await asyncio.sleep(SOON_S)
        assert (endings, proxy.count) == ([], 1)

        proxy.heal()
        await until(lambda: endings)


async def test_it_leads_to_a_unix_socket_too(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "socket")
    async with server, Proxy.to(tmp_path / "socket") as proxy:
        await caller(proxy)

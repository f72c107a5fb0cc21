"""A TCP proxy on 127.0.0.1 that misbehaves on demand: delay, reset, half-close, silence.

    async with Proxy.to(Path("/run/valkey.sock")) as proxy:
        proxy.delay_s = 0.001
        proxy.silence()

A silent connection is open and forwards nothing, as behind a firewall that forgot it: its other side hears neither what is
sent nor that it was closed. Here the kernel goes on to confirm what is sent, so that only limits of time find out.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

CHUNK = 64 * 1024
_SEND_RST = struct.pack("ii", 1, 0)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """To a unix socket or a port of this machine. `delay_s` holds up each chunk, both ways."""

    def __init__(self, upstream: Path | int) -> None:
        self.upstream = upstream
        self.delay_s = 0.0
        self.port = 0
        self._new_are_silent = False
        self._links: set[_Link] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, upstream: Path | int) -> AsyncIterator[Self]:
        """Listens for the length of the block."""
        proxy = cls(upstream)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.heal()
            while proxy._links:
                proxy.reset()
                await asyncio.sleep(0.001)

    @property
    def count(self) -> int:
        """Connections that are open."""
        return len(self._links)

    def silence(self, *, new_too: bool = False) -> None:
        """From now on nothing passes on the connections that there are, nor on new ones if `new_too`."""
        self._new_are_silent = new_too
        for link in self._links:
            link.flowing.clear()

    def reset(self) -> None:
        """Ends all connections with RST on both sides."""
        for link in self._links:
            link.abort()

    def half_close(self) -> None:
        """Tells the callers that nothing more comes; what they send still arrives."""
        for link in self._links:
            link.half_close()

    def heal(self) -> None:
        """Without delay and silence; what was held back arrives now."""
        self.delay_s, self._new_are_silent = 0.0, False
        for link in self._links:
            link.flowing.set()

    async def connect(self) -> Streams:
        """To the upstream."""
        if isinstance(self.upstream, Path):
            return await asyncio.open_unix_connection(self.upstream)
        return await asyncio.open_connection("127.0.0.1", self.upstream)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, (reader, writer))
        if not self._new_are_silent:
            link.flowing.set()
        self._links.add(link)
        try:
            await link.run()
        finally:
            link.abort()
            self._links.discard(link)


class _Link:
    """One connection of a caller, and its own to the upstream."""

    def __init__(self, proxy: Proxy, caller: Streams) -> None:
        self.flowing = asyncio.Event()
        self._proxy = proxy
        self._caller = caller
        self._upstream: Streams | None = None
        self._answers_are_lost = False

    async def run(self) -> None:
        """Until both sides have said all, or one of them broke off."""
        with suppress(OSError):
            await self.flowing.wait()
            if self._caller[1].is_closing():
                return
            self._upstream = await self._proxy.connect()
            (from_caller, to_caller), (from_upstream, to_upstream) = self._caller, self._upstream
            asked = asyncio.create_task(self._pump(from_caller, to_upstream))
            answered = asyncio.create_task(self._pump(from_upstream, to_caller))
            try:
                await asyncio.gather(asked, answered)
            finally:
                asked.cancel()
                answered.cancel()
            for writer in (to_caller, to_upstream):
                writer.close()
                await writer.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if self._proxy.delay_s:
                await asyncio.sleep(self._proxy.delay_s)
            await self.flowing.wait()
            if not self._is_lost(writer):
                writer.write(chunk)
                await writer.drain()
        await self.flowing.wait()
        if writer.can_write_eof() and not self._is_lost(writer):
            writer.write_eof()

    def _is_lost(self, writer: asyncio.StreamWriter) -> bool:
        return self._answers_are_lost and writer is self._caller[1]

    def half_close(self) -> None:
        writer = self._caller[1]
        if not self._answers_are_lost and not writer.is_closing():
            self._answers_are_lost = True
            writer.write_eof()

    def abort(self) -> None:
        for _, writer in filter(None, (self._caller, self._upstream)):
            if not writer.is_closing():
                _send_rst_at_close(writer)
            writer.transport.abort()


def _send_rst_at_close(writer: asyncio.StreamWriter) -> None:
    """Unlike FIN it tells the other side at once that what it sends is lost."""
    connection = writer.get_extra_info("socket")
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SEND_RST)

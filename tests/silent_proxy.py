"""A TCP proxy before a server on a unix socket, whose connections can be made to fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class SilentProxy:
    """Connections stay open whatever happens, and what is sent into a silent one is kept."""

    path: str
    port: int = 0
    _passing: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def silence_existing(self) -> None:
        """Nothing passes any more through the connections that there are. New ones work."""
        self._passing = asyncio.Event()
        self._passing.set()

    def silence_all(self) -> None:
        """Nothing passes any more, through new connections neither."""
        self._passing = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self.path)
        valve = _Valve(self)
        pumps = [asyncio.create_task(valve.pump(*each)) for each in ((reader, back), (there, writer))]
        self._tasks.update(pumps)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Valve:
    """Passes for as long as what was open when its connection was made."""

    def __init__(self, proxy: SilentProxy) -> None:
        self._proxy, self._own = proxy, proxy._passing

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if self._own is not self._proxy._passing or not self._own.is_set():
                    await asyncio.Event().wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def silent_proxy(redis_url: str) -> AsyncIterator[SilentProxy]:
    """Lets everything pass until it is told otherwise; `redis_url` is that of a unix socket."""
    proxy = SilentProxy(urlsplit(redis_url).path)
    proxy._passing.set()
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
        await proxy.end()

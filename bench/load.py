"""The load generator: keep-alive connections on uvloop, each with one request in flight, bodies made beforehand.

    python -m bench.load

Run by itself it shows its own ceiling, against a server that answers every request with the same bytes: no server
under measurement may come near it. It reads a status, a length and the ends of the body, and parses nothing.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import cast

import uvloop

from bench import servers
from bench.servers import Server
from bench.trivial import SIZES

CONNECTIONS = (1, 32)
PATIENCE_S = 20


@dataclass(frozen=True)
class Measured:
    """One server under one load. Times are in milliseconds, processor times per answer in microseconds."""

    answers: int
    seconds: float
    latencies_ms: Sequence[float]
    server_cpu_us: float
    own_cpu_us: float
    largest_bytes: int

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def percentile(self, percent: int) -> float:
        return quantiles(self.latencies_ms, n=100, method="inclusive")[percent - 1]


class BadAnswer(Exception):
    """A server answered with something else than data."""


class Connection(asyncio.Protocol):
    """Sends one request after another until it is told to stop."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_stopping = False
        self.largest = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        if not self.missing:
            data = self.head + data
            self._begin(data)
        else:
            self.missing -= len(data)
        if self.missing == 0 and not self.head and not self.ended.done():
            self._finish(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or BadAnswer("The server closed the connection."))

    def _ask(self) -> None:
        self.head, self.missing = b"", 0
        self.started = time.perf_counter()
        self.transport.write(next(self.requests))

    def _begin(self, data: bytes) -> None:
        """The head, perhaps in pieces, and what of the body came with it."""
        head, found, body = data.partition(b"\r\n\r\n")
        if not found:
            self.head = data
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        self.head, self.missing = b"", length - len(body)
        self.largest = max(self.largest, length)
        if not head.startswith(b"HTTP/1.1 200") or (body and not body.startswith(b'{"data":'[: len(body)])):
            self._fail(data)

    def _finish(self, last: bytes) -> None:
        self.latencies.append((time.perf_counter() - self.started) * 1_000)
        if b'"errors":[{' in last[-4_096:]:
            self._fail(last)
        elif self.is_stopping:
            self.ended.set_result(None)
            self.transport.close()
        else:
            self._ask()

    def _fail(self, data: bytes) -> None:
        if not self.ended.done():
            self.ended.set_exception(BadAnswer(data[:2_000].decode(errors="replace")))
        self.transport.abort()


def measure(server: Server, requests: Sequence[bytes], connections: int, seconds: float) -> Measured:
    """Loads `server` for that long. Raises BadAnswer."""
    return uvloop.run(_measure(server, requests, connections, seconds))


async def _measure(server: Server, requests: Sequence[bytes], count: int, seconds: float) -> Measured:
    loop, endless = asyncio.get_running_loop(), itertools.cycle(requests)
    cpu, own_cpu, started = server.cpu_s(), time.process_time(), time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: Connection(endless), "127.0.0.1", server.port))[1]
        for _ in range(count)
    ]
    ended = asyncio.gather(*(each.ended for each in opened))
    await asyncio.wait([ended], timeout=seconds)
    for each in opened:
        each.is_stopping = True
    await asyncio.wait_for(ended, PATIENCE_S)
    took = time.perf_counter() - started
    latencies = [each for connection in opened for each in connection.latencies]
    return Measured(
        len(latencies),
        took,
        latencies,
        (server.cpu_s() - cpu) / len(latencies) * 1e6,
        (time.process_time() - own_cpu) / len(latencies) * 1e6,
        max(each.largest for each in opened),
    )


def ceiling(size: int, connections: int, seconds: float = 2) -> Measured:
    """What this generator reaches with answers of `size` bytes from the trivial server."""
    request = f"POST /{size} HTTP/1.1\r\nContent-Length: 2000\r\n\r\n{' ' * 2_000}".encode()
    with servers.trivial() as server:
        return measure(server, [request], connections, seconds)


def main() -> None:
    for size, connections in itertools.product(SIZES, CONNECTIONS):
        found = ceiling(size, connections)
        print(
            f"ceiling bytes {size} connections {connections} rate {found.rate:.0f} "
            f"own_cpu_us {found.own_cpu_us:.0f} server_cpu_us {found.server_cpu_us:.0f}"
        )


if __name__ == "__main__":
    main()

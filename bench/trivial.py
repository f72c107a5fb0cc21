"""A server that answers at once: `POST /100` with 100 bytes, `POST /100000` with 100,000. `python -m bench.trivial PORT`"""

import asyncio
import sys
from contextlib import suppress
from typing import cast

import uvloop

SIZES = (100, 100_000)


def _answer(size: int) -> bytes:
    body = b'{"data":"%s"}' % (b"x" * (size - 11))
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


ANSWERS = {b"POST /%d " % size: _answer(size) for size in SIZES}


class Trivial(asyncio.Protocol):
    """Takes each packet for one request: they are short, and their senders wait for the answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWERS[data[: data.index(b"HTTP")]])


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Trivial, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(int(sys.argv[1])))

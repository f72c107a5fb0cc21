"""Limits of the wire. Bytes are counted before anything looks at them: token and depth limits come too late for a
20 MB body.
"""

import asyncio

from starlette.requests import Request

from app.errors import BadRequest, Timeout
from app.http.responses import Refused

MOST_BODY_BYTES = 128 * 1024
BODY_TIMEOUT_S = 15.0
OPERATION_TIMEOUT_S = 10.0  # of a query or mutation, on either transport


async def read_body(request: Request) -> bytes:
    """The body as sent. Raises Refused: 413 too large, 415 compressed, 408 too slow."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # A compressed body's true size is known only after the work that the limit is there to spare.
        raise Refused(415, BadRequest("Send the body uncompressed: Content-Encoding is not supported."))
    _check_size(_declared_size(request))
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_bounded(request)
    except TimeoutError:
        raise too_slow() from None


def too_slow() -> Refused:
    # The rest of the body is never read, so the connection cannot be used again.
    return Refused(408, Timeout("The body came too slowly."), {"Connection": "close"})


def out_of_time(limit_s: float) -> Timeout:
    """What an operation is answered that was given up."""
    return Timeout(
        f"It took longer than {limit_s:g} s and was given up. Of a mutation nobody knows then whether it was carried out: "
        "look before you try again; with the same idempotencyKey it is safe."
    )


async def _read_bounded(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        _check_size(len(received))
    return bytes(received)


def _check_size(size: int) -> None:
    if size > MOST_BODY_BYTES:
        # The connection stays open: closed on a client that still sends, it would be reset, the answer unread.
        raise Refused(413, BadRequest(f"The body may have {MOST_BODY_BYTES} bytes at most."))


def _declared_size(request: Request) -> int:
    declared = request.headers.get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0

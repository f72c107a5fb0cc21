"""The doorbell between processes: "look into the database", never the news itself.

One pattern subscription per process hears every ring of the installation, and a dictionary picks the bells that hang
here. A subscription per channel would need a round trip for each of ten thousand listeners, again after every lost
connection, and could miss a ring while it is under way; a ring nobody waits for costs a process some microseconds.
Redis may be away, flushed or restarted: after each (re)connection every bell rings once, so that what was missed is
looked up.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from redis.asyncio import Connection, Redis
from redis.exceptions import RedisError

from app.coalesce import Coalescer
from app.integrations.redis_breaker import (
    CLOSE_TIMEOUT_S,
    RedisAway,
    RedisBreaker,
    close,
    is_lost,
    make_connections,
)

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 2.0
#: A connection without a word for this long is asked for one; without an answer for twice as long, it is dead.
SILENCE_S = 1.0
#: Twice, since the time may have passed while this process was busy, with the answer waiting to be read.
SILENCES_UNTIL_DEAD = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 5.0
#: After this many rings in one go the loop's other tasks have their turn.
RINGS_AT_ONCE = 100
#: Rings of the same moment are one message on this channel, a JSON list of them.
TOGETHER = "+"
MOST_TOGETHER = 500

#: A channel and what is told on it.
Ring = tuple[str, str]
Hear = Callable[[str, str], None]


class Bell:
    """Hangs on one channel. Many rings before the next `wait` are one; none is lost between two of them."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> bool:
        """True as soon as the bell has rung since the last `wait`, False after `timeout_s` without."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


@dataclass(frozen=True, slots=True)
class _Listener:
    prefix: str
    hear: Hear
    missed: Callable[[], None] | None


class Hub:
    """The doorbell of this process. `prefix` stands before every channel's name in Redis, for several installations.

    `breaker` is for all that this process asks of Redis: it hears here first when Redis is lost, and when it is back.
    Bells and listeners may be hung up before `start`, while Redis is away, and after `stop`.
    """

    def __init__(self, redis_url: str, *, prefix: str = "") -> None:
        self._redis = Redis(connection_pool=make_connections(redis_url))
        self.breaker = RedisBreaker(redis_url)
        self.breaker.cover(self._redis)
        self._prefix = prefix
        self._bells: dict[str, set[Bell]] = {}
        self._listeners: list[_Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._pause_s = FIRST_PAUSE_S
        self._is_refused = False
        self._connected = asyncio.Event()
        self._ring = Coalescer(self._publish, most=MOST_TOGETHER)

    async def start(self) -> None:
        """Begins to listen; returns at once, whether Redis is there or not."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_listening(), name="pubsub")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT_S)
            self._task = None
        self.breaker.stop()
        await close(self._redis)

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def connected(self) -> None:
        """Returns once rings of other processes are heard."""
        await self._connected.wait()

    async def ring(self, channel: str, payload: str = "") -> None:
        """Rings everywhere. Without Redis at least in this process, which is never an error.

        Rings of the same moment travel as one message: a message costs 60 µs, a ring in it 5.
        """
        await self._ring((channel, payload))

    async def ring_all(self, channels: Sequence[str]) -> None:
        """Rings all of these, as `ring` does one."""
        for first in range(0, len(channels), MOST_TOGETHER):
            await self._publish([(channel, "") for channel in channels[first : first + MOST_TOGETHER]])

    async def _publish(self, rings: Sequence[Ring]) -> Sequence[None]:
        (channel, payload), together = rings[0], len(rings) > 1
        if together:
            channel, payload = TOGETHER, orjson.dumps(rings).decode()
        if not await self._reaches_redis(self._prefix + channel, payload):
            self._deliver(channel, payload)
        return [None] * len(rings)

    async def _reaches_redis(self, channel: str, payload: str) -> bool:
        try:
            await self.breaker.run(lambda: self._redis.publish(channel, payload))
        except RedisAway:
            return False
        except RedisError as fault:
            self._log_refused(fault)
            return False
        self._is_refused = False
        return True

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Bell]:
        """A bell on `channel` for the length of the block. Enter first, then read the database, then wait."""
        bell = Bell()
        self._bells.setdefault(channel, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[channel]
            bells.discard(bell)
            if not bells:
                del self._bells[channel]

    def on(self, prefix: str, hear: Hear, *, missed: Callable[[], None] | None = None) -> None:
        """Calls `hear(rest of the channel, payload)` for every ring on a channel that begins with `prefix`.

        `missed` is called when rings may have gone by unheard: take everything for changed. Both must be quick.
        """
        self._listeners.append(_Listener(prefix, hear, missed))

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._hear_until_lost()
            except Exception as fault:  # noqa: BLE001  Without this task the process is deaf for good; it is told.
                self._tell(fault)
            finally:
                self._connected.clear()
            # Unequal pauses, so that many processes do not come back at one moment.
            await asyncio.sleep(self._pause_s * random.uniform(0.5, 1))  # noqa: S311
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _tell(self, fault: Exception) -> None:
        if is_lost(fault):
            self.breaker.lost(fault)
        elif isinstance(fault, RedisError):
            self._log_refused(fault)
        else:
            log.error("pubsub_failed", exc_info=fault)

    async def _hear_until_lost(self) -> None:
        # Not lent by the pool: a connection that it mended in silence would hide that rings were missed.
        connection: Connection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("PSUBSCRIBE", f"{_escaped(self._prefix)}*")
                await connection.read_response()
            self._pause_s = FIRST_PAUSE_S
            self._is_refused = False
            self.breaker.answers()
            self._connected.set()
            self._ring_all()
            await self._hear(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _hear(self, connection: Connection) -> None:
        """Raises when the connection is lost, also when it is dead without having been closed."""
        silences, heard = 0, 0
        while True:
            message = await connection.read_response(timeout=SILENCE_S)
            silences = silences + 1 if message is None else 0
            if silences > SILENCES_UNTIL_DEAD:
                raise TimeoutError("Redis does not answer.")
            if silences == 1:
                await connection.send_command("PING")
            elif message is not None and message[0] == b"pmessage":
                self._deliver(_text(message[2]).removeprefix(self._prefix), _text(message[3]))
            heard += 1
            if heard % RINGS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _deliver(self, channel: str, payload: str) -> None:
        for each in _rings_of(payload) if channel == TOGETHER else [(channel, payload)]:
            self._deliver_one(*each)

    def _deliver_one(self, channel: str, payload: str) -> None:
        for bell in self._bells.get(channel, ()):
            bell.ring()
        for listener in self._listeners:
            if channel.startswith(listener.prefix):
                _call(listener.hear, channel.removeprefix(listener.prefix), payload)

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()
        for listener in self._listeners:
            if listener.missed is not None:
                _call(listener.missed)

    def _log_refused(self, fault: Exception) -> None:
        """Once, not at every further try."""
        if not self._is_refused:
            log.warning("pubsub_refused", fault=type(fault).__name__)
        self._is_refused = True


def _call(listener: Callable[..., None], *arguments: str) -> None:
    try:
        listener(*arguments)
    except Exception:
        log.exception("pubsub_listener_failed")


def _rings_of(payload: str) -> list[Ring]:
    try:
        return [(str(channel), str(told)) for channel, told in orjson.loads(payload)]
    except (ValueError, TypeError):
        log.warning("pubsub_message_unreadable")
        return []


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _escaped(prefix: str) -> str:
    """`prefix` as a pattern that matches itself alone."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in prefix)

"""ARES, the Czech business register: a company's base data by its IČO.

Its operator asks for no malformed, repeated or excessive queries (500 a minute), so: the caller checks the IČO first
(`formats.ico_digits`), answers are kept 24 hours whether the company exists or not, and simultaneous questions about one
company are asked once.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import httpx
import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import ServiceUnavailable
from app.integrations.ares_address import Address
from app.integrations.ares_company import (
    Company,
    Kept,
    LegalForm,
    VatRegistration,
    from_json,
    read_company,
    to_json,
)
from app.integrations.redis_breaker import RedisAway, RedisBreaker

__all__ = [
    "Address",
    "Breaker",
    "Cache",
    "Company",
    "CompanyRegister",
    "LegalForm",
    "RedisCache",
    "VatRegistration",
]

log = structlog.get_logger(__name__)

KEPT_S = 24 * 3600
#: Longer than Redis is given, so that what it means is decided there.
CACHE_TIMEOUT_S = 2
MAX_ANSWER_BYTES = 512 * 1024
UNAVAILABLE = (
    "The business register (ARES) does not answer. Fill the data in by hand, or try again in a minute."
)


class Cache(Protocol):
    """Where answers are kept. It may fail with OSError or RedisError: then the register is asked."""

    async def get(self, key: str) -> bytes | None: ...

    async def set(self, key: str, value: bytes, seconds: int) -> None: ...


class RedisCache:
    """A Cache in Redis, shared by all processes. While Redis is away nothing is found in it and nothing is kept."""

    def __init__(self, redis: Redis, breaker: RedisBreaker) -> None:
        self._redis, self._breaker = redis, breaker

    async def get(self, key: str) -> bytes | None:
        try:
            value: bytes | None = await self._breaker.run(lambda: self._redis.get(key))
        except RedisAway:
            return None
        return value

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        with suppress(RedisAway):
            await self._breaker.run(lambda: self._redis.set(key, value, ex=seconds))


class Breaker:
    """Stops asking a system that is down: after `failures` in a row, one try every `pause_s`."""

    def __init__(
        self, *, failures: int = 5, pause_s: float = 30, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed_failures, self._pause_s, self._clock = failures, pause_s, clock
        self._failures = 0
        self._closed_again_at = 0.0

    def lets_through(self) -> bool:
        """True for the one try as well: whoever gets it must report how it went."""
        if self._failures < self._allowed_failures:
            return True
        if self._clock() < self._closed_again_at:
            return False
        self._closed_again_at = self._clock() + self._pause_s
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        self._closed_again_at = self._clock() + self._pause_s


class CompanyRegister:
    """The register at `base_url` (`…/ekonomicke-subjekty-v-be/rest`). One per process: it holds the breaker."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float = 5,
        cache: Cache | None = None,
        client: httpx.AsyncClient | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._cache = cache
        self._client = client or httpx.AsyncClient(limits=httpx.Limits(max_connections=10))
        self._breaker = breaker or Breaker()
        self._asking: dict[str, asyncio.Task[Company | None]] = {}

    async def aclose(self) -> None:
        await self._client.aclose()

    async def lookup(self, ico: str) -> Company | None:
        """The company with this IČO (eight digits that `formats.ico_digits` has passed), None if there is none.

        Raises ServiceUnavailable whenever the register does not give a clear answer.
        """
        task = self._asking.get(ico)
        if task is None:
            task = self._asking[ico] = asyncio.create_task(self._lookup(ico))
            task.add_done_callback(lambda done: self._forget(ico, done))
        # Shielded: one impatient caller must not take the answer from the others.
        return await asyncio.shield(task)

    def _forget(self, ico: str, task: "asyncio.Task[Company | None]") -> None:
        del self._asking[ico]
        if not task.cancelled():
            task.exception()  # Retrieved here, for when every caller has gone away.

    async def _lookup(self, ico: str) -> Company | None:
        key = f"ares:2:{ico}"
        kept = await self._kept(key)
        if kept is not None:
            return kept.company
        company = await self._ask(ico)
        await self._keep(key, to_json(company))
        return company

    async def _ask(self, ico: str) -> Company | None:
        if not self._breaker.lets_through():
            raise ServiceUnavailable(UNAVAILABLE)
        try:
            async with asyncio.timeout(self._timeout_s):
                status, body = await self._get(f"{self._base_url}/ekonomicke-subjekty/{ico}")
        except (httpx.HTTPError, TimeoutError) as fault:
            self._breaker.failed()
            raise _unavailable(ico, type(fault).__name__) from fault
        if status >= 500 or status == 429:
            self._breaker.failed()
            raise _unavailable(ico, f"status {status}")
        self._breaker.succeeded()
        return _read_answer(ico, status, body)

    async def _get(self, url: str) -> tuple[int, bytes]:
        # Uncompressed, so that the bytes counted are the bytes held.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", url, headers=headers, timeout=self._timeout_s) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    return response.status_code, b""
            return response.status_code, bytes(body)

    async def _kept(self, key: str) -> Kept | None:
        if self._cache is None:
            return None
        try:
            async with asyncio.timeout(CACHE_TIMEOUT_S):
                kept = await self._cache.get(key)
            return None if kept is None else from_json(kept)
        except (RedisError, OSError, ValueError) as fault:
            log.warning("ares_cache_failed", fault=type(fault).__name__)
            return None

    async def _keep(self, key: str, value: bytes) -> None:
        if self._cache is None:
            return
        try:
            async with asyncio.timeout(CACHE_TIMEOUT_S):
                await self._cache.set(key, value, KEPT_S)
        except (RedisError, OSError) as fault:
            log.warning("ares_cache_failed", fault=type(fault).__name__)


def _unavailable(ico: str, reason: str) -> ServiceUnavailable:
    log.warning("ares_unavailable", ico=ico, reason=reason)
    return ServiceUnavailable(UNAVAILABLE)


def _read_answer(ico: str, status: int, body: bytes) -> Company | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _unavailable(ico, f"status {status} without JSON") from None
    if not isinstance(answer, dict):
        raise _unavailable(ico, f"status {status} without an object")
    # A 404 from a proxy or a moved path has no `kod`, and says nothing about the company.
    if status == 404 and answer.get("kod") == "NENALEZENO":
        return None
    if status != 200 or answer.get("ico") != ico:
        raise _unavailable(ico, f"status {status}, kod {str(answer.get('kod'))[:40]}")
    return read_company(ico, answer, datetime.now(UTC).date())

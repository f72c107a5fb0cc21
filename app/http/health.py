"""Is this process alive, and may it get traffic?

A probe is a function that returns when its part is well and raises `Unwell` when it is not. The answers name the part
and what to do; they hold no address, no name and no text of an exception.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

Probe = Callable[[], Awaitable[None]]
PROBE_TIMEOUT_S = 2.0
#: Anybody may ask, so the parts are asked at most this often.
ANSWER_KEPT_S = 0.5


class Unwell(Exception):
    """A part does not work; the text says what is wrong and how to mend it, for the public."""


class Readiness:
    """Asks all parts at once, and keeps the answer for a moment."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer: dict[str, str] = {}

    async def parts(self) -> dict[str, str]:
        """The state of each part: "ok", or what is wrong."""
        async with self._lock:
            if time.monotonic() - self._asked_at > ANSWER_KEPT_S:
                states = await asyncio.gather(*(_state(probe) for probe in self._probes.values()))
                self._answer = dict(zip(self._probes, states, strict=True))
                self._asked_at = time.monotonic()
            return self._answer


def routes(needed: Mapping[str, Probe], optional: Mapping[str, Probe] | None = None) -> list[BaseRoute]:
    """`/healthz`: the process answers. `/readyz`: each part's state, and 503 if one that is needed is not well.

    Without an optional one requests are answered all the same, and every other process lacks it too: a balancer that
    took this one out would help nobody. Then it is 200, "degraded".
    """
    readiness = Readiness({**needed, **(optional or {})})

    async def healthz(request: Request) -> JSONResponse:
        return _uncached({"status": "ok"}, 200)

    async def readyz(request: Request) -> JSONResponse:
        parts = await readiness.parts()
        unwell = {name for name, state in parts.items() if state != "ok"}
        is_ready = unwell.isdisjoint(needed)
        status = ("degraded" if unwell else "ok") if is_ready else "unavailable"
        return _uncached({"status": status, "parts": parts}, 200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _state(probe: Probe) -> str:
    try:
        await asyncio.wait_for(probe(), PROBE_TIMEOUT_S)
    except Unwell as unwell:
        return str(unwell)
    except TimeoutError:
        return f"no answer within {PROBE_TIMEOUT_S:g} s"
    except Exception as error:  # noqa: BLE001  Whatever a driver raises means the same here: not ready.
        return f"does not answer ({type(error).__name__})"
    return "ok"


def _uncached(content: Mapping[str, object], status: int) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})

"""Faults that the scenario of kills draws from: each strikes one part or one road, and mends it again.

The draw is the seed's: the same seed gives the same strikes in the same order. How many kills each was is counted.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import cycle

from tests.e2e.installation import Program, until
from tests.faults import processes
from tests.faults.crash_points import POINTS
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage

#: So many rounds of work a crash point lies ahead at most.
MOST_PASSAGES = 3
CRASH_PATIENCE_S = 15.0


class Striker:
    """Strikes a stage. `kills` counts kill -9s, restarts, crash points and resets, by name."""

    def __init__(self, here: Stage, seed: str, pauses_s: tuple[float, float]) -> None:
        self.here = here
        self.kills: Counter[str] = Counter()
        self._pauses_s = pauses_s
        self._chance = random.Random(f"strikes-{seed}")
        points = sorted(POINTS)
        self._chance.shuffle(points)
        self._points = cycle(points)
        self._crashing: dict[int, str] = {}
        self.strikes: Mapping[str, Callable[[], Awaitable[None]]] = {
            "kill_web": self.kill_web,
            "kill_worker": self.kill_worker,
            "restart_web": self.restart_web,
            "restart_worker": self.restart_worker,
            "crash_worker": self.crash_worker,
            "kill_postgres": self.kill_postgres,
            "kill_valkey": self.kill_valkey,
            "reset": self.reset,
            "half_close": self.half_close,
            "silence": self.silence,
            "stop": self.stop,
        }

    def draw(self, rounds: int) -> list[str]:
        """Names of strikes: all of them in turn, in an order of chance."""
        drawn: list[str] = []
        while len(drawn) < rounds:
            names = [*self.strikes, "crash_worker", "crash_worker", "crash_worker", "reset"]
            self._chance.shuffle(names)
            drawn += names
        return drawn[:rounds]

    async def strike(self, name: str) -> None:
        await self.strikes[name]()
        await self._pause()
        self.revive()

    def revive(self) -> None:
        """Starts plain workers in the place of those that struck themselves."""
        for index, worker in enumerate(self.here.workers):
            if (status := worker.process.poll()) is None:
                continue
            if status != -signal.SIGKILL:
                raise AssertionError(f"A worker ended with {status}:\n{worker.log.read_text()}")
            worker.end()
            self.kills[self._crashing.pop(index)] += 1
            self.here.start_worker(index)

    async def disarm(self) -> None:
        """No worker strikes itself any more."""
        self.revive()
        for index in list(self._crashing):
            await self._end(self.here.workers[index], index, signal.SIGTERM)
            self.here.start_worker(index)

    async def kill_web(self) -> None:
        await self._again(self.here.webs, self.here.start_web, signal.SIGKILL, "kill web")

    async def kill_worker(self) -> None:
        await self._again(self.here.workers, self.here.start_worker, signal.SIGKILL, "kill worker")

    async def restart_web(self) -> None:
        await self._again(self.here.webs, self.here.start_web, signal.SIGTERM, "restart web")

    async def restart_worker(self) -> None:
        await self._again(self.here.workers, self.here.start_worker, signal.SIGTERM, "restart worker")

    async def crash_worker(self) -> None:
        """A worker that will strike itself takes another's place, and is waited for a while."""
        point, index = next(self._points), self._chance.randrange(len(self.here.workers))
        await self._end(self.here.workers[index], index, signal.SIGTERM)
        passage = str(self._chance.randint(1, MOST_PASSAGES))
        self._crashing[index] = point
        self.here.start_worker(index, CRASH_POINT=point, CRASH_PASSAGE=passage, CRASH_SIGNAL="SIGKILL")
        with suppress(TimeoutError):
            worker = self.here.workers[index]
            await until(lambda: worker.process.poll() is not None, CRASH_PATIENCE_S)

    async def kill_postgres(self) -> None:
        """One of those who serve: all others go with it, and the database recovers."""
        if served := self.here.backends:
            processes.strike([self._chance.choice(served)], signal.SIGKILL)
            self.kills["kill postgres"] += 1

    async def kill_valkey(self) -> None:
        processes.strike([self.here.valkey_pid], signal.SIGKILL)
        self.kills["kill valkey"] += 1
        await self._pause()
        await asyncio.to_thread(self.here.restart_valkey)

    async def reset(self) -> None:
        self._road().reset()
        self.kills["reset"] += 1

    async def half_close(self) -> None:
        self._road().half_close()

    async def silence(self) -> None:
        road = self._road()
        road.silence(new_too=self._chance.random() < 0.5)
        await self._pause()
        road.heal()

    async def stop(self) -> None:
        programs = [each.process.pid for each in (*self.here.webs, *self.here.workers)]
        parts = [[self._chance.choice(programs)], [self.here.valkey_pid], self.here.backends]
        with processes.stopped(self._chance.choice(parts)):
            await self._pause()

    async def _again(
        self, programs: list[Program], start: Callable[[int], None], how: signal.Signals, name: str
    ) -> None:
        index = self._chance.randrange(len(programs))
        await self._end(programs[index], index, how)
        self.kills[name] += 1
        await asyncio.sleep(self._chance.random() / 2)
        start(index)

    async def _end(self, program: Program, index: int, how: signal.Signals) -> None:
        if program in self.here.workers:
            self._crashing.pop(index, None)
        await self.here.end(program, how)

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(*self._pauses_s))

    def _road(self) -> Proxy:
        return self._chance.choice(self.here.roads.all())

"""Faults that the scenario of kills draws from: each strikes one part or one road, and mends it again.

The draw is the seed's: the same seed gives the same strikes in the same order. Whether each hit somebody is counted.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import cycle

from tests.e2e.installation import Program, until
from tests.faults import processes
from tests.faults.crash_points import POINTS
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage

#: So many rounds of work a crash point lies ahead at most.
MOST_PASSAGES = 3
#: From when the worker has started.
CRASH_PATIENCE_S = 15.0
#: Until there is somebody to strike.
TARGET_PATIENCE_S = 15.0
#: Strikes that are kills: kill -9s, restarts, crash points and resets.
KILLS = (
    *("kill_web", "kill_worker", "restart_web", "restart_worker"),
    *("crash_worker", "kill_postgres", "kill_valkey", "reset"),
)


class Striker:
    """Strikes a stage. `struck` counts strikes and `kills` those that hit, by name; `crashes` and `unreached` by point."""

    def __init__(self, here: Stage, seed: str, pauses_s: tuple[float, float]) -> None:
        self.here = here
        self.struck: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.crashes: Counter[str] = Counter()
        self.unreached: Counter[str] = Counter()
        self._pauses_s = pauses_s
        self._chance = random.Random(f"strikes-{seed}")
        points = sorted(POINTS)
        self._chance.shuffle(points)
        self._points = cycle(points)
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
        self.struck[name] += 1
        await self.strikes[name]()
        await self._pause()
        for worker in self.here.workers:
            if (status := worker.process.poll()) is not None:
                raise AssertionError(f"A worker ended with {status}:\n{worker.log.read_text()}")

    def missed(self) -> Iterator[str]:
        """Kills that were none: a scenario without them has proved nothing."""
        if not self.kills:
            yield "nobody was killed"
        for name in KILLS:
            if self.kills[name] != self.struck[name]:
                yield f"{self.struck[name]} strikes of {name} made {self.kills[name]} kills"
        for point in self.unreached:
            yield f"{point} was not reached within {CRASH_PATIENCE_S:g} s"

    async def kill_web(self) -> None:
        await self._again(self.here.webs, self.here.start_web, signal.SIGKILL, "kill_web")

    async def kill_worker(self) -> None:
        await self._again(self.here.workers, self.here.start_worker, signal.SIGKILL, "kill_worker")

    async def restart_web(self) -> None:
        await self._again(self.here.webs, self.here.start_web, signal.SIGTERM, "restart_web")

    async def restart_worker(self) -> None:
        await self._again(self.here.workers, self.here.start_worker, signal.SIGTERM, "restart_worker")

    async def crash_worker(self) -> None:
        """A worker that strikes itself takes another's place, and a plain one takes its own."""
        point, index = next(self._points), self._chance.randrange(len(self.here.workers))
        passage = str(self._chance.randint(1, MOST_PASSAGES))
        await self.here.end(self.here.workers[index])
        self.here.start_worker(index, CRASH_POINT=point, CRASH_PASSAGE=passage, CRASH_SIGNAL="SIGKILL")
        worker = self.here.workers[index]
        if await self._crashes(worker):
            self.kills["crash_worker"] += 1
            self.crashes[point] += 1
            await self._pause()
        else:
            self.unreached[point] += 1
        await self.here.end(worker)
        self.here.start_worker(index)

    async def _crashes(self, worker: Program) -> bool:
        await self.here.started()
        try:
            await until(lambda: worker.process.poll() is not None, CRASH_PATIENCE_S)
        except TimeoutError:
            return False
        return worker.process.poll() == -signal.SIGKILL

    async def kill_postgres(self) -> None:
        """One of those who serve: all others go with it, and the database recovers."""
        await until(self._kill_backend, TARGET_PATIENCE_S)
        self.kills["kill_postgres"] += 1

    def _kill_backend(self) -> bool:
        served = self.here.backends
        return bool(served) and processes.strike([self._chance.choice(served)], signal.SIGKILL) == 1

    async def kill_valkey(self) -> None:
        self.kills["kill_valkey"] += processes.strike([self.here.valkey_pid], signal.SIGKILL)
        await self._pause()
        await asyncio.to_thread(self.here.restart_valkey)

    async def reset(self) -> None:
        (await self._road()).reset()
        self.kills["reset"] += 1

    async def half_close(self) -> None:
        (await self._road()).half_close()

    async def silence(self) -> None:
        road = await self._road()
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
        is_running = programs[index].process.poll() is None
        await self.here.end(programs[index], how)
        self.kills[name] += is_running
        await asyncio.sleep(self._chance.random() / 2)
        start(index)

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(*self._pauses_s))

    async def _road(self) -> Proxy:
        """One that somebody is on: the road to the mail server is empty most of the time."""
        road = self._chance.choice(self.here.roads.all())
        await until(lambda: road.count, TARGET_PATIENCE_S)
        return road

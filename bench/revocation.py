"""How soon a live subscription ends when its right goes: `make proof` runs it. Takes a minute; two with --without-redis.

    python -m bench.revocation [--sockets 1000] [--without-redis] [--engine sqlite]

A thousand sockets at one web process follow reminders and mail; something is withdrawn from each of 200 employees through
another process. Fails if p99 is above 1 s or anything takes more than 5 s; with --without-redis it measures once more,
with Valkey stopped, when nothing may take more than 30 s.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median, quantiles

import httpx
import uvloop

from app.integrations import valkey
from bench import machine
from bench.feed_clients import ADDRESSES, AT_ONCE
from bench.feed_stage import settings_of
from bench.revocation_client import Listener
from bench.revocation_people import FEED, MAIL, Person, make_people
from bench.servers import Server, _running, free_port
from tests import postgres

RESULTS = Path(__file__).parent / "results-revocation.md"
SEED = 2026
SOCKETS_EACH = 5
#: So many requests that withdraw something are under way at once.
WITHDRAWALS_AT_ONCE = 4
MOST_P99_MS, MOST_MS, MOST_MS_WITHOUT_REDIS = 1_000, 5_000, 30_000
PATIENCE_S, PATIENCE_WITHOUT_REDIS_S = 30, 60
SETTLE_S = 2.0

EXPLAINED = """Two web processes (`python -m app serve`), the database, Valkey and 1,000 clients share the machine. 200 employees have five
sockets each at one process, each with one live subscription: the reminder feed, or the state of a mail that waits.
Something is withdrawn from everybody in random order through the other process, four requests at once. The time is from
the moment before the request was sent, so more than from its commit, until the frame that ends the subscription or takes
the reminder out of the window came to the socket. `Ends by`: 4403 closes the socket, FORBIDDEN and `complete` end one
subscription, GIVEN_AWAY is the reminder's ReminderClosed. Any other ending fails the run, and so does a missing one."""


@dataclass(frozen=True)
class Stage:
    """What runs: sockets are held by `listening`, withdrawals go through `acting`."""

    listening: Server
    acting: Server
    queue: valkey.Valkey


@dataclass(frozen=True)
class Cut:
    """One subscription that ended, and after how long."""

    road: str
    kind: str
    ending: str
    ms: float


@contextmanager
def stage(url: str) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="dvr-") as folder, ExitStack() as stack:
        queue = valkey.start(Path(folder))
        stack.callback(queue.stop)
        ports = [free_port(), free_port()]
        settings = settings_of(url, queue.url, ports[0])
        webs = [
            stack.enter_context(
                _running(f"web at {port}", port, ["-m", "app", "serve"], {**settings, "PORT": str(port)})
            )
            for port in ports
        ]
        yield Stage(webs[0], webs[1], queue)


@contextmanager
def database(engine: str) -> Iterator[str]:
    """An empty one."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix="dvr-") as folder:
            yield f"sqlite:///{folder}/divize.db"
    else:
        with postgres.running_server() as server:
            yield asyncio.run(server.create("revocation"))


def measure(engine: str, sockets: int, *, without_redis: bool) -> list[Cut]:
    with database(engine) as url:
        persons = asyncio.run(make_people(url, -(-sockets // SOCKETS_EACH)))
        with stage(url) as running:
            return uvloop.run(_measure(running, persons, sockets, without_redis=without_redis))


async def _measure(
    running: Stage, persons: Sequence[Person], sockets: int, *, without_redis: bool
) -> list[Cut]:
    listeners = _listeners(persons, running.listening.port, sockets)
    await _open_all(listeners)
    await asyncio.sleep(SETTLE_S)
    if early := [each for each in listeners if each.ending]:
        raise SystemExit(f"{len(early)} subscriptions ended by themselves: {early[0].ending}.")
    if without_redis:
        running.queue.stop()
    sent_at = await _withdraw_all(running.acting.port, persons)
    patience_s = PATIENCE_WITHOUT_REDIS_S if without_redis else PATIENCE_S
    await asyncio.wait([each.ended for each in listeners], timeout=patience_s)
    cuts = [_cut(each, sent_at[each.person.token]) for each in listeners]
    for each in listeners:
        each.stop()
    return cuts


def _listeners(persons: Sequence[Person], port: int, sockets: int) -> list[Listener]:
    """Feed and mail in turn; who is external follows no mail."""
    wanted = [
        (person, FEED if person.mail_id is None or (number + place) % 2 else MAIL)
        for number, person in enumerate(persons)
        for place in range(SOCKETS_EACH)
    ]
    return [Listener(port, person, kind) for person, kind in wanted[:sockets]]


async def _open_all(listeners: Sequence[Listener]) -> None:
    turnstile, addresses = asyncio.Semaphore(len(ADDRESSES) * AT_ONCE), cycle(ADDRESSES)

    async def one(listener: Listener) -> None:
        async with turnstile:
            await listener.open(next(addresses))

    await asyncio.gather(*(one(each) for each in listeners))


async def _withdraw_all(port: int, persons: Sequence[Person]) -> Mapping[str, float]:
    """In a mixed order; tells when each request was about to be sent, by the person's token."""
    mixed, sent_at, turnstile = list(persons), {}, asyncio.Semaphore(WITHDRAWALS_AT_ONCE)
    Random(SEED).shuffle(mixed)
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as http:

        async def one(person: Person) -> None:
            act = person.withdrawal
            async with turnstile:
                sent_at[person.token] = time.time()
                response = await http.post(
                    f"http://127.0.0.1:{port}/graphql",
                    json={"query": act.document, "variables": {"input": act.input}},
                    headers={"Authorization": f"Bearer {act.token}"},
                )
            if response.json() != {"data": {act.mutation: {"errors": []}}}:
                raise SystemExit(f"{act.road}: {response.text}")

        await asyncio.gather(*(one(each) for each in mixed))
    return sent_at


def _cut(listener: Listener, sent_at: float) -> Cut:
    act = listener.person.withdrawal
    expected = act.endings[listener.kind]
    if listener.ending is None:
        raise SystemExit(f"{act.road}: a {listener.kind} subscription went on.")
    if listener.ending != expected:
        raise SystemExit(f"{act.road}: a {listener.kind} subscription ended by {listener.ending}.")
    return Cut(act.road, listener.kind, expected, (listener.ended.result() - sent_at) * 1e3)


def table_of(cuts: Sequence[Cut]) -> str:
    groups: dict[tuple[str, str, str], list[float]] = {}
    for cut in cuts:
        groups.setdefault((cut.road, cut.kind, cut.ending), []).append(cut.ms)
    lines = [f"{'withdrawn':<22}{'follows':<9}{'ends by':<17}{'count':>5}{'p50 ms':>9}{'max ms':>9}"]
    lines += [
        f"{road:<22}{kind:<9}{ending:<17}{len(found):>5}{median(found):>9.0f}{max(found):>9.0f}"
        for (road, kind, ending), found in sorted(groups.items())
    ]
    return "\n".join(lines)


def line_of(cuts: Sequence[Cut]) -> str:
    return f"revocation sockets {len(cuts)} p99_ms {_p99(cuts):.0f} max_ms {_most(cuts):.0f}"


def line_without_redis(cuts: Sequence[Cut]) -> str:
    return f"revocation without_redis sockets {len(cuts)} max_ms {_most(cuts):.0f}"


def _p99(cuts: Sequence[Cut]) -> float:
    return quantiles([cut.ms for cut in cuts], n=100, method="inclusive")[98]


def _most(cuts: Sequence[Cut]) -> float:
    return max(cut.ms for cut in cuts)


def report(told: str, engine: str, before: str) -> str:
    return f"# Results of `python -m bench.revocation`\n\n{before}\nDatabase: {engine}. {EXPLAINED}\n\n```\n{told}\n```\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--without-redis", action="store_true")
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before, told, is_late = machine.described(), [], False
    if options.without_redis:
        cuts = measure(options.engine, options.sockets, without_redis=True)
        told += [table_of(cuts), line_without_redis(cuts), ""]
        is_late = _most(cuts) > MOST_MS_WITHOUT_REDIS
        print("\n".join(told), flush=True)
    cuts = measure(options.engine, options.sockets, without_redis=False)
    told += [table_of(cuts), line_of(cuts)]
    is_late |= _p99(cuts) > MOST_P99_MS or _most(cuts) > MOST_MS
    print("\n".join(told[-2:]))
    options.results.write_text(report("\n".join(told), options.engine, before))
    sys.exit(int(is_late))


if __name__ == "__main__":
    main()

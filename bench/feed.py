"""Sockets, pop-ups and the pop-up scan: `make bench-feed`. Takes four or five minutes.

    python -m bench.feed [--sockets 10000] [--rounds 5] [--employees 1000000] [--results bench/results-feed.md]

The data set of `bench.data` at a tenth of its size has 1,000 employees, who open up to ten sockets each on one web
process; a worker opens their windows. Processor time is that of the web process alone. The scan has a database of its
own (see `bench.feed_scan`).
"""

import argparse
import asyncio
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import asyncpg
import uvloop

from bench import data, feed_scan, machine
from bench.feed_clients import Arrivals, Client, close_all, open_all, open_evenly, subscribe_all
from bench.feed_stage import (
    Person,
    Stage,
    claimed_at,
    clear_windows,
    cpu_s,
    make_due,
    people,
    resident_kib,
    stage,
)

RESULTS = Path(__file__).parent / "results-feed.md"
SCALE = 0.1
SOCKETS_EACH = 10
WARM_UP = 100
SETTLE_S = 3.0
#: Longer than the time between two heartbeats and between two looks into the database.
IDLE_S = 30.0
FAN_OUT_TO = 100
#: As long as the time between two heartbeats, which then come evenly.
SPREAD_S = 25.0
#: Processor time is read this long before the windows open and after the last pop-up came.
MARGIN_S = 0.1

EXPLAINED = """Web process, worker, PostgreSQL, Valkey and 10,000 clients share the machine; processor time is that of the web process
alone, by the scheduler's clock. 1,000 employees of 100 projects have a session each.

* `kib_per_bare_socket`, `kib_per_socket`: growth of the web process's resident memory by 10,000 sockets that have said
  hello, and again with a live reminder feed on each; `idle_cpu_percent`: what those cost for half a minute of
  heartbeats and looks into the database.
* `popups`: a reminder of each of the 1,000 falls due in the same second, everybody has one socket; from the claim (the
  event's `created_at`) to the arrival at the socket. `worker_us_per_opening` is the worker's own processor time.
* `fanout`: the same for 100 employees with ten sockets each.
* `scan`: one worker over a table of a million employees. `openings` have one reminder each, an event and a ring;
  `claims` turn out to have nothing due. `decay` is the last rate by the first.

Medians of the rounds; sockets were opened evenly over 25 s, so that their pings and heartbeats come evenly."""

Figures = dict[str, float]


async def measure(url: str, running: Stage, sockets: int, rounds: int) -> Figures:
    connection = await asyncpg.connect(url)
    try:
        await clear_windows(connection)
        persons = await people(connection)
        figures = await _sockets(running, persons, sockets)
        figures |= await _fan_out(connection, running, persons, rounds)
        return figures | await _popups(connection, running, persons, rounds)
    finally:
        await connection.close()


async def _sockets(running: Stage, persons: Sequence[Person], count: int) -> Figures:
    """Memory and idle cost of many sockets, without and with a live feed on each."""
    pid, port, arrivals = running.web.pid, running.web.port, Arrivals()
    warm = await open_all(port, persons[-WARM_UP:], arrivals)
    await subscribe_all(warm)
    await close_all(warm)
    await asyncio.sleep(SETTLE_S)
    before = resident_kib(pid)
    started, spent = time.monotonic(), cpu_s(pid)
    clients = await open_all(port, (list(persons) * SOCKETS_EACH)[:count], arrivals)
    figures = {
        "opened_per_s": count / (time.monotonic() - started),
        "us_per_opening": (cpu_s(pid) - spent) / count * 1e6,
    }
    await asyncio.sleep(SETTLE_S)
    bare = resident_kib(pid)
    spent = cpu_s(pid)
    await subscribe_all(clients)
    figures["us_per_subscription"] = (cpu_s(pid) - spent) / count * 1e6
    await asyncio.sleep(SETTLE_S)
    live = resident_kib(pid)
    arrivals.expect(0)
    spent, started = cpu_s(pid), time.monotonic()
    await asyncio.sleep(IDLE_S)
    figures["idle_cpu_percent"] = (cpu_s(pid) - spent) / (time.monotonic() - started) * 100
    figures |= {
        "kib_per_bare_socket": (bare - before) / count,
        "kib_per_socket": (live - before) / count,
        "heartbeats_while_idle": arrivals.others["heartbeats"],
        "lost_while_idle": arrivals.others["closed"],
    }
    await close_all(clients)
    return {f"feed {name}": value for name, value in figures.items()}


async def _fan_out(
    connection: "asyncpg.Connection[object]", running: Stage, persons: Sequence[Person], rounds: int
) -> Figures:
    """Windows of some people who have ten sockets each."""
    some = persons[:: len(persons) // FAN_OUT_TO][:FAN_OUT_TO]
    found = await _rounds(connection, running, some, SOCKETS_EACH, rounds)
    return {"feed us_per_fanout": found["us"], "feed fanout_p99_ms": found["p99"]}


async def _popups(
    connection: "asyncpg.Connection[object]", running: Stage, persons: Sequence[Person], rounds: int
) -> Figures:
    """Windows of everybody in the same second, each with one socket."""
    found = await _rounds(connection, running, persons, 1, rounds)
    return {
        "popups us_per_delivery": found["us"],
        "popups p50_ms": found["p50"],
        "popups p99_ms": found["p99"],
        "popups worker_us_per_opening": found["worker_us"],
    }


async def _rounds(
    connection: "asyncpg.Connection[object]",
    running: Stage,
    persons: Sequence[Person],
    sockets_each: int,
    rounds: int,
) -> Figures:
    """Medians of the rounds; the first one warms up and is not counted."""
    arrivals = Arrivals()
    clients = await open_evenly(running.web.port, list(persons) * sockets_each, arrivals, SPREAD_S)
    found = [await _round(connection, running, persons, clients, arrivals) for _ in range(rounds + 1)][1:]
    await close_all(clients)
    return {name: median(each[name] for each in found) for name in found[0]}


async def _round(
    connection: "asyncpg.Connection[object]",
    running: Stage,
    persons: Sequence[Person],
    clients: Sequence[Client],
    arrivals: Arrivals,
) -> Figures:
    await asyncio.sleep(SETTLE_S)
    arrivals.expect(len(clients))
    moment = await make_due(connection, [each.employee_id for each in persons])
    await asyncio.sleep(max(0.0, moment.timestamp() - time.time() - MARGIN_S))
    spent, worker_spent = cpu_s(running.web.pid), cpu_s(running.worker_pid)
    await arrivals.all_there()
    await asyncio.sleep(MARGIN_S)
    count = len(arrivals.popups)
    if count != len(clients):
        raise SystemExit(f"{count} pop-ups came to {len(clients)} sockets.")
    us = (cpu_s(running.web.pid) - spent) / count * 1e6
    worker_us = (cpu_s(running.worker_pid) - worker_spent) / len(persons) * 1e6
    claims = await claimed_at(connection, moment)
    lags = [(each.at - claims[each.employee_id].timestamp()) * 1e3 for each in arrivals.popups]
    cuts = quantiles(lags, n=100, method="inclusive")
    return {"us": us, "worker_us": worker_us, "p50": cuts[49], "p99": cuts[98]}


@contextmanager
def _two_databases() -> Iterator[tuple[str, str]]:
    """The reference data set, and an empty database for the scan on the same server."""
    with data.database(SCALE) as (url, _), feed_scan.database_beside(url) as scan_url:
        yield url, scan_url


def lines_of(figures: Figures) -> str:
    return "\n".join(f"{name} {_shown(value)}" for name, value in figures.items())


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def report(figures: Figures) -> str:
    return f"""# Results of `make bench-feed`

{machine.described()}
{EXPLAINED}

```
{lines_of(figures)}
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--employees", type=int, default=1_000_000)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", choices=("feed", "scan"))
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if 0 < limit < options.sockets + 500:
        raise SystemExit(f"This machine lets a process have {limit} open files: ask for fewer --sockets.")
    figures: Figures = {}
    with _two_databases() as (url, scan_url):
        if options.only != "scan":
            with stage(url) as running:
                figures |= uvloop.run(measure(url, running, options.sockets, options.rounds))
            print(lines_of(figures), flush=True)
        if options.only != "feed":
            figures |= uvloop.run(feed_scan.measure(scan_url, options.employees))
    text = report(figures)
    print(text)
    if options.only is None:
        options.results.write_text(text)


if __name__ == "__main__":
    main()

"""The reference queries against our server and the two yardsticks: `make bench`. Takes five or six minutes.

    python -m bench.run [--scale 1.0] [--rounds 4] [--seconds 2] [--results bench/results.md]

Builds the data set, starts the three servers, compares their answers, and loads one after another, forwards in one
round and backwards in the next. A ratio is the median of the rounds' own ratios, so that what the machine does
meanwhile weighs little. The plain lines at the end, for scripts, are those of 32 connections.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

from bench import compare, load, machine, servers, workload
from bench.data import database
from bench.load import CONNECTIONS, Measured
from bench.servers import Server
from bench.trivial import SIZES
from bench.workload import QUERIES, Call

RESULTS = Path(__file__).parent / "results.md"
YARDSTICKS = ("plain", "limit")
WARM_UP_S = 1.0
#: A machine on which it takes longer is too busy to be measured.
LONGEST_S = 480

Rounds = Sequence[Mapping[str, Measured]]


@dataclass(frozen=True)
class Cell:
    """One query at one number of connections: what each server did in each round."""

    query: str
    connections: int
    rounds: Rounds

    def middle(self, server: str, figure: str) -> float:
        return float(median(getattr(each[server], figure) for each in self.rounds))

    def percentile(self, server: str, percent: int) -> float:
        return median(each[server].percentile(percent) for each in self.rounds)

    def ratio(self, yardstick: str) -> float:
        """Our rate by the yardstick's."""
        return median(each["ours"].rate / each[yardstick].rate for each in self.rounds)

    def cpu_ratio(self, yardstick: str) -> float:
        """The yardstick's processor time per request by ours."""
        return median(each[yardstick].server_cpu_us / each["ours"].server_cpu_us for each in self.rounds)


def run(scale: float, rounds: int, seconds: float) -> list[Cell]:
    ends_at = time.monotonic() + LONGEST_S
    with ExitStack() as stack:
        url, logins = stack.enter_context(database(scale))
        ours = stack.enter_context(servers.ours(url))
        tenants = workload.ask_for_tenants(ours.port, logins)
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tenants.json"
        workload.keep(tenants, path)
        others = [stack.enter_context(servers.yardstick(name, url, path)) for name in YARDSTICKS]
        calls = asyncio.run(workload.prepare(url, tenants))
        compare.check(ours, others, calls)
        return list(_measured([ours, *others], calls, rounds, seconds, ends_at))


def _measured(
    running: Sequence[Server],
    calls: Mapping[str, Sequence[Call]],
    rounds: int,
    seconds: float,
    ends_at: float,
) -> Iterator[Cell]:
    requests = {
        (server.name, name): [call.bytes_for(server.port) for call in calls[name]]
        for server, name in product(running, QUERIES)
    }
    for server, name in product(running, QUERIES):
        load.measure(server, requests[server.name, name], max(CONNECTIONS), WARM_UP_S)
    for name, connections in product(QUERIES, CONNECTIONS):
        if time.monotonic() > ends_at:
            raise SystemExit(f"Given up after {LONGEST_S} s: ask for fewer rounds or seconds.")
        found = []
        for number in range(rounds):
            in_turn = running if number % 2 == 0 else running[::-1]
            found.append(
                {
                    each.name: load.measure(each, requests[each.name, name], connections, seconds)
                    for each in in_turn
                }
            )
        cell = Cell(name, connections, found)
        print(_row(cell), flush=True)
        yield cell


HEADINGS = (
    *("query", "connections", "bytes", "ours/s", "plain/s", "limit/s", "÷ plain", "÷ limit"),
    *("CPU ours", "CPU plain", "CPU limit", "p50 ours", "p99 ours", "p50 plain", "p99 plain", "p50 limit"),
    "p99 limit",
)
HEAD = f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}"


def _row(cell: Cell) -> str:
    names = ("ours", *YARDSTICKS)
    figures = [
        cell.query,
        str(cell.connections),
        f"{cell.middle('ours', 'largest_bytes'):,.0f}",
        *(f"{cell.middle(name, 'rate'):,.0f}" for name in names),
        *(f"{cell.ratio(name):.2f}" for name in YARDSTICKS),
        *(f"{cell.middle(name, 'server_cpu_us'):,.0f}" for name in names),
        *(f"{cell.percentile(name, percent):.1f}" for name in names for percent in (50, 99)),
    ]
    return f"| {' | '.join(figures)} |"


def lines(cells: Sequence[Cell]) -> list[str]:
    """One figure a line: `ratio Q3 plain 24.1`, `cpu Q3 plain 6.4`."""
    busiest = [cell for cell in cells if cell.connections == max(CONNECTIONS)]
    return [
        *(f"ratio {cell.query} {name} {cell.ratio(name):.2f}" for cell in busiest for name in YARDSTICKS),
        *(f"cpu {cell.query} {name} {cell.cpu_ratio(name):.2f}" for cell in busiest for name in YARDSTICKS),
    ]


def report(
    cells: Sequence[Cell], options: argparse.Namespace, machine_described: str, ceilings: Sequence[str]
) -> str:
    """`bench/results.md`."""
    table = "\n".join([HEAD, *map(_row, cells)])
    figures = "\n".join(lines(cells))
    return f"""# Results of `make bench`

{machine_described}
Data set at scale {options.scale:g}; {options.rounds} rounds of {options.seconds:g} s for each server, query and number
of connections, in turn forwards and backwards. Rates are answers per second, CPU is microseconds of the server's one
process per answer, p50 and p99 are milliseconds: medians of the rounds. `÷` are medians of the rounds' own ratios.
The answers of all three were compared before: {compare.SAMPLE} to each query, equal but for white space.

{table}

`plain` is an ordinary Strawberry + Tortoise + DataLoader server (bench/plain.py), `limit` hand-written SQL behind raw
ASGI (bench/limit.py); neither has sessions, permissions or audit.

The load generator (bench/load.py) alone, against a server that does nothing:

{chr(10).join(f"* {each}" for each in ceilings)}

```
{figures}
```
"""


def _ceilings() -> list[str]:
    return [
        f"{size:,} bytes at {connections} connections: {found.rate:,.0f}/s, {found.own_cpu_us:.0f} µs of its own CPU"
        for size, connections in product(SIZES, CONNECTIONS)
        for found in [load.ceiling(size, connections, 1)]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    # Otherwise what was started would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine_described, ceilings = machine.described(), _ceilings()
    print(HEAD, flush=True)
    cells = run(options.scale, options.rounds, options.seconds)
    options.results.write_text(report(cells, options, machine_described, ceilings))
    print("", *lines(cells), sep="\n")


if __name__ == "__main__":
    main()

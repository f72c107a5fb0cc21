"""What `make bench` and `make bench-peers` share: our server and others in turn under one load, and the table of it.

Builds the data set, starts the servers, compares their answers, and loads one after another, forwards in one round
and backwards in the next. A ratio is the median of the rounds' own ratios, so that what the machine does meanwhile
weighs little. The plain lines at the end, for scripts, are those of 32 connections.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import asyncpg

from bench import compare, load, machine, servers, workload
from bench.data import database
from bench.load import CONNECTIONS, Measured
from bench.servers import Server
from bench.trivial import SIZES
from bench.workload import QUERIES, Asked, Contender

WARM_UP_S = 1.5
#: A machine on which it takes longer is too busy to be measured.
LONGEST_S = 480


@dataclass(frozen=True)
class Stage:
    """The database, our own server over it, and what all are asked. `tenants` is a file of them."""

    url: str
    postgres: str
    tenants: Path
    asked: Sequence[Asked]
    ours: Contender


@dataclass(frozen=True)
class Field:
    """All who take part, ours first, and what they run on."""

    contenders: Sequence[Contender]
    versions: str


@dataclass(frozen=True)
class Contest:
    """One command: who takes part at a scale of the data set, how their answers are compared, and its report.

    `seconds` are those of one measurement, where nobody asks for others.
    """

    command: str
    results: Path
    field: Callable[[float], AbstractContextManager[Field]]
    read: compare.Reading
    notes: str
    seconds: float = 2.0


@dataclass(frozen=True)
class Cell:
    """One query at one number of connections: what each server did in each round."""

    query: str
    connections: int
    rounds: Sequence[Mapping[str, Measured]]

    @property
    def names(self) -> list[str]:
        return list(self.rounds[0])

    @property
    def others(self) -> list[str]:
        return self.names[1:]

    def middle(self, server: str, figure: str) -> float:
        return float(median(getattr(each[server], figure) for each in self.rounds))

    def percentile(self, server: str, percent: int) -> float:
        return median(each[server].percentile(percent) for each in self.rounds)

    def ratio(self, other: str) -> float:
        """Our rate by the other's."""
        return median(each["ours"].rate / each[other].rate for each in self.rounds)

    def cpu_ratio(self, other: str) -> float:
        """The other's processor time per request by ours."""
        return median(each[other].server_cpu_us / each["ours"].server_cpu_us for each in self.rounds)


@contextmanager
def stage(
    scale: float, serve: Callable[[str], AbstractContextManager[Server]] = servers.ours
) -> Iterator[Stage]:
    with ExitStack() as stack:
        url, logins = stack.enter_context(database(scale))
        server = stack.enter_context(serve(url))
        tenants = workload.ask_for_tenants(server.port, logins)
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tenants.json"
        workload.keep(tenants, path)
        asked = asyncio.run(workload.draw(url, tenants))
        ours = Contender(server, workload.calls(asked, workload.documents(), workload.our_variables))
        yield Stage(url, asyncio.run(_postgres_version(url)), path, asked, ours)


async def _postgres_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


def measure(contenders: Sequence[Contender], rounds: int, seconds: float, ends_at: float) -> Iterator[Cell]:
    requests = {
        (each.name, query): [call.bytes_for(each.server.port) for call in each.calls[query]]
        for each, query in product(contenders, QUERIES)
    }
    for each, query in product(contenders, QUERIES):
        load.measure(each.server, requests[each.name, query], max(CONNECTIONS), WARM_UP_S)
    for query, connections in product(QUERIES, CONNECTIONS):
        if time.monotonic() > ends_at:
            raise SystemExit(f"Given up after {LONGEST_S} s: ask for fewer rounds or seconds.")
        found = []
        for number in range(rounds):
            measured = {
                each.name: load.measure(each.server, requests[each.name, query], connections, seconds)
                for each in (contenders if number % 2 == 0 else contenders[::-1])
            }
            found.append({each.name: measured[each.name] for each in contenders})
        yield Cell(query, connections, found)


def head(cell: Cell) -> str:
    headings = [
        *("query", "connections", "bytes"),
        *(f"{name}/s" for name in cell.names),
        *(f"÷ {name}" for name in cell.others),
        *(f"CPU {name}" for name in cell.names),
        *(f"p{percent} {name}" for name in cell.names for percent in (50, 99)),
    ]
    return f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}"


def row(cell: Cell) -> str:
    figures = [
        cell.query,
        str(cell.connections),
        f"{cell.middle('ours', 'largest_bytes'):,.0f}",
        *(f"{cell.middle(name, 'rate'):,.0f}" for name in cell.names),
        *(f"{cell.ratio(name):.2f}" for name in cell.others),
        *(f"{cell.middle(name, 'server_cpu_us'):,.0f}" for name in cell.names),
        *(f"{cell.percentile(name, percent):.1f}" for name in cell.names for percent in (50, 99)),
    ]
    return f"| {' | '.join(figures)} |"


def lines(cells: Sequence[Cell]) -> list[str]:
    """One figure a line: `ratio Q3 plain 24.1`, `cpu Q3 plain 6.4`."""
    busiest = [cell for cell in cells if cell.connections == max(CONNECTIONS)]
    return [
        *(f"ratio {cell.query} {name} {cell.ratio(name):.2f}" for cell in busiest for name in cell.others),
        *(f"cpu {cell.query} {name} {cell.cpu_ratio(name):.2f}" for cell in busiest for name in cell.others),
    ]


def report(
    contest: Contest, options: argparse.Namespace, cells: Sequence[Cell], about: str, ceilings: Sequence[str]
) -> str:
    """The file of results. `about` describes the machine and the versions."""
    return f"""# Results of `{contest.command}`

{about}
Data set at scale {options.scale:g}; {options.rounds} rounds of {options.seconds:g} s for each server, query and number
of connections, in turn forwards and backwards. Rates are answers per second, CPU is microseconds of the server's one
process per answer, p50 and p99 are milliseconds: medians of the rounds. `÷` are medians of the rounds' own ratios of
rates, and in the lines named `cpu` below of the other's CPU by ours.

{chr(10).join([head(cells[0]), *map(row, cells)])}

{contest.notes}

The load generator (bench/load.py) alone, against a server that does nothing:

{chr(10).join(f"* {each}" for each in ceilings)}

```
{chr(10).join(lines(cells))}
```
"""


def main(contest: Contest, description: str | None) -> None:
    options, started = _options(contest, description), time.monotonic()
    # Otherwise what was started would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    described, ceilings = machine.described(), [] if options.check else _ceilings()
    with contest.field(options.scale) as field:
        compare.check(field.contenders, contest.read)
        print(f"The answers are the same, {compare.SAMPLE} to each of {', '.join(QUERIES)}.", flush=True)
        if options.check:
            return
        measured = measure(field.contenders, options.rounds, options.seconds, started + LONGEST_S)
        cells = list(_printed(measured))
    about = f"{described.rstrip()}\n{field.versions}.\n"
    options.results.write_text(report(contest, options, cells, about, ceilings))
    print("", *lines(cells), sep="\n")


def _options(contest: Contest, description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=contest.seconds)
    parser.add_argument("--results", type=Path, default=contest.results)
    parser.add_argument("--check", action="store_true", help="compare the answers and measure nothing")
    return parser.parse_args()


def _ceilings() -> list[str]:
    return [
        f"{size:,} bytes at {connections} connections: {found.rate:,.0f}/s, {found.own_cpu_us:.0f} µs of its own CPU"
        for size, connections in product(SIZES, CONNECTIONS)
        for found in [load.ceiling(size, connections, 1)]
    ]


def _printed(cells: Iterator[Cell]) -> Iterator[Cell]:
    for number, cell in enumerate(cells):
        if number == 0:
            print(head(cell))
        print(row(cell), flush=True)
        yield cell

"""The reference data set of the benchmarks, the same each time, on a PostgreSQL database.

    python -m bench.data [--scale 0.1]

100 projects, each with 20 divisions, 10 employees, 1,000 contacts, 5,000 activities and 1,000 reminders; `--scale`
makes the last three smaller. Builds it in BENCH_DATABASE_URL, which must be empty or hold this very set already,
otherwise on an embedded server, to show how long that takes. Each project has one session whose token is known.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from app import db, security, text
from app.demo import words
from app.models import ContactStatus
from tests import postgres

SEED = 2026
PROJECTS, DIVISIONS, EMPLOYEES, CONTACTS = 100, 20, 10, 1_000  # the last three in each project
ACTIVITIES, REMINDERS = 5, 1  # for each contact, on average
BEGINNING = datetime(2025, 11, 1, 8, tzinfo=UTC)
YEAR_MS = 365 * 86_400_000
SESSION_LENGTH = timedelta(days=14)

fold = cache(text.fold)
sort_key = cache(text.sort_key)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Login:
    """Whose a token is: a director, who sees the whole of his project."""

    token: str
    project_id: UUID
    employee_id: UUID


@dataclass
class Firm:
    """One project, and what rows of other tables point to."""

    number: int
    id: UUID
    divisions: list[UUID]
    employees: list[UUID]
    accounts: list[UUID]
    people: list[str]
    contacts: list[UUID] = field(default_factory=list)

    @property
    def login(self) -> Login:
        return Login(f"reference-session-of-project-{self.number:03}", self.id, self.employees[0])


@contextmanager
def database(scale: float) -> Iterator[tuple[str, list[Login]]]:
    """The URL of a database that holds the data set, and its logins."""
    if url := os.environ.get("BENCH_DATABASE_URL"):
        yield url, asyncio.run(build(url, scale))
        return
    # All of it fits, as it would on a server of its own; with the default of 128 MB Q3 takes twice as long.
    with postgres.running_server(shared_buffers="1GB") as server:
        url = asyncio.run(server.create("bench"))
        yield url, asyncio.run(build(url, scale))


async def build(url: str, scale: float) -> list[Login]:
    """Fills the database. Raises SystemExit if it holds anything but this data set at this scale."""
    await db.connect(url, pool_size=1)
    try:
        await db.migrate()
    finally:
        await db.close()
    maker = Maker(scale)
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval("SELECT count(*) FROM contacts")
        if found not in (0, maker.contacts_each * PROJECTS):
            raise SystemExit(f"The database holds {found} contacts of something else. Name an empty one.")
        if not found:
            await maker.fill(connection)
            await connection.execute("VACUUM ANALYZE")
        await _open_sessions(connection, maker.firms)
    finally:
        await connection.close()
    return [firm.login for firm in maker.firms]


class Maker:
    """Makes the rows. Everything is drawn from one seed, in one order."""

    def __init__(self, scale: float) -> None:
        self.random = Random(SEED)
        self.contacts_each = round(CONTACTS * scale)
        self.firms = [self._firm(number) for number in range(PROJECTS)]

    async def fill(self, connection: "asyncpg.Connection[Any]") -> None:
        for table, columns, rows in self._tables():
            await connection.copy_records_to_table(table, records=rows, columns=columns.split())

    def _tables(self) -> Iterator[tuple[str, str, Iterable[Row]]]:
        """What hangs on others last."""
        yield "accounts", "id email name version created_at updated_at", self._accounts()
        yield (
            "projects",
            "id name sort_key time_zone daily_delete_limit external_read_limit created_by_id version created_at updated_at",
            self._projects(),
        )
        yield (
            "divisions",
            "id project_id name sort_key version created_at updated_at",
            self._divisions(),
        )
        yield (
            "employees",
            "id project_id account_id name sort_key search_text email roles division_scope can_delete_contacts "
            "can_send_bulk_email status feed_number version created_at updated_at",
            self._employees(),
        )
        yield (
            "contacts",
            "id project_id division_id owner_id name sort_key search_text ico vat_id email phone web street city "
            "postal_code country status created_by_id version created_at updated_at",
            self._contacts(),
        )
        yield (
            "activities",
            "id project_id contact_id author_id kind area summary occurred_at created_at",
            self._activities(),
        )
        yield (
            "reminders",
            "id project_id assignee_id contact_id created_by_id kind title due_at alert_at state resolved_at "
            "version created_at updated_at",
            self._reminders(),
        )

    def _firm(self, number: int) -> Firm:
        return Firm(
            number,
            self._id(BEGINNING),
            [self._id(BEGINNING) for _ in range(DIVISIONS)],
            [self._id(BEGINNING) for _ in range(EMPLOYEES)],
            [self._id(BEGINNING) for _ in range(EMPLOYEES)],
            [self._person() for _ in range(EMPLOYEES)],
        )

    def _accounts(self) -> Iterator[Row]:
        for firm in self.firms:
            for number, (id_, name) in enumerate(zip(firm.accounts, firm.people, strict=True)):
                yield id_, _address(firm, number), name, 1, BEGINNING, BEGINNING

    def _projects(self) -> Iterator[Row]:
        for firm in self.firms:
            name = f"{words.SURNAMES[firm.number % len(words.SURNAMES)]} a synové {firm.number}"
            times = (BEGINNING, BEGINNING)
            yield firm.id, name, sort_key(name), "Europe/Prague", 100, 300, firm.accounts[0], 1, *times

    def _divisions(self) -> Iterator[Row]:
        for firm in self.firms:
            for number, id_ in enumerate(firm.divisions):
                name = f"{words.CITIES[number % 10][0]} – {words.TRADES[number]}"
                yield id_, firm.id, name, sort_key(name), 1, BEGINNING, BEGINNING

    def _employees(self) -> Iterator[Row]:
        for firm in self.firms:
            for number, (id_, account) in enumerate(zip(firm.employees, firm.accounts, strict=True)):
                name, email = firm.people[number], _address(firm, number)
                names = (name, sort_key(name), f"{fold(name)} {email}", email)
                rights = ("SALES_REP" if number else "DIRECTOR", "ALL", False, False)
                yield id_, firm.id, account, *names, *rights, "ACTIVE", 0, 1, BEGINNING, BEGINNING

    def _contacts(self) -> Iterator[Row]:
        for number in range(self.contacts_each * PROJECTS):
            firm = self.firms[number % PROJECTS]
            made_at = self._moment()
            firm.contacts.append(self._id(made_at))
            owner = self.random.choice(firm.employees)
            yield (
                *(firm.contacts[-1], firm.id, self.random.choice(firm.divisions), owner),
                *self._particulars(number),
                *(owner, 1, made_at, made_at),
            )

    def _particulars(self, number: int) -> Row:
        draw = self.random
        is_firm = number % 3 != 0
        name = self._company() if is_firm else self._person()
        ico = _ico(1_000_000 + 7 * number) if is_firm else None
        vat_id = f"CZ{ico}" if is_firm and draw.random() < 0.7 else None
        email = f"{fold(name).replace('.', '').replace(' ', '.')}.{number}@example.cz"
        phone = f"+4206{draw.randrange(10_000_000, 100_000_000)}"
        web = f"https://www.firma{number}.example.cz" if is_firm else None
        city, postal_code, street = draw.choice(words.CITIES)
        search_text = " ".join(filter(None, (fold(name), ico, fold(city), email, phone)))
        status = draw.choice(list(ContactStatus)).value
        names = (name, sort_key(name), search_text, ico, vat_id, email, phone, web)
        return *names, f"{street} {number % 200 + 1}", city, postal_code, "CZ", status

    def _activities(self) -> Iterator[Row]:
        """One after another in time, each with any contact: those of one contact lie far apart."""
        draw, count = self.random, ACTIVITIES * self.contacts_each * PROJECTS
        texts = {"SALES": words.CALLS, "SERVICE": words.SERVICE, "BILLING": words.BILLING}
        kinds, areas = ("CALL", "MEETING", "EMAIL", "NOTE"), ("SALES", "SALES", "SERVICE", "BILLING")
        for number in range(count):
            at = BEGINNING + timedelta(milliseconds=YEAR_MS * number // count)
            firm, area = draw.choice(self.firms), draw.choice(areas)
            belongs = (firm.id, draw.choice(firm.contacts), draw.choice(firm.employees))
            yield self._id(at), *belongs, draw.choice(kinds), area, draw.choice(texts[area]), at, at

    def _reminders(self) -> Iterator[Row]:
        draw = self.random
        for _ in range(REMINDERS * self.contacts_each * PROJECTS):
            firm, made_at = draw.choice(self.firms), self._moment()
            assignee, contact = draw.choice(firm.employees), draw.choice(firm.contacts)
            due_at = made_at + timedelta(days=draw.randrange(1, 90))
            state, resolved_at = ("OPEN", None) if draw.random() < 0.7 else ("RESOLVED", due_at)
            belongs = (firm.id, assignee, contact, assignee, "TASK", draw.choice(words.TASKS))
            yield self._id(made_at), *belongs, due_at, due_at, state, resolved_at, 1, made_at, made_at

    def _moment(self) -> datetime:
        return BEGINNING + timedelta(milliseconds=self.random.randrange(YEAR_MS))

    def _id(self, at: datetime) -> UUID:
        """A UUIDv7 of that time."""
        drawn = self.random.getrandbits(74)
        time_ms = int(at.timestamp() * 1000)
        return UUID(int=time_ms << 80 | 7 << 76 | (drawn >> 62) << 64 | 0b10 << 62 | drawn & ((1 << 62) - 1))

    def _person(self) -> str:
        first = self.random.choice(words.FIRST_NAMES)
        return f"{first} {words.surname_of(first, self.random.choice(words.SURNAMES))}"

    def _company(self) -> str:
        parts = (self.random.choice(each) for each in (words.SURNAMES, words.TRADES, words.FORMS))
        return " ".join(parts)


async def _open_sessions(connection: "asyncpg.Connection[Any]", firms: Iterable[Firm]) -> None:
    """Anew each time: sessions end."""
    now = datetime.now(UTC)
    ends = now + SESSION_LENGTH
    hashes = {firm.number: security.token_hash(firm.login.token) for firm in firms}
    await connection.execute("DELETE FROM sessions WHERE token_hash = ANY($1)", list(hashes.values()))
    columns = "id account_id project_id employee_id token_hash created_at last_used_at expires_at absolute_expires_at"
    rows = [
        (firm.id, firm.accounts[0], firm.id, firm.employees[0], hashes[firm.number], now, now, ends, ends)
        for firm in firms
    ]
    await connection.copy_records_to_table(
        "sessions",
        records=[(*row, "", "") for row in rows],
        columns=[*columns.split(), "user_agent", "client_ip"],
    )


def _address(firm: Firm, number: int) -> str:
    return f"{number}@firma{firm.number}.example.cz"


def _ico(stem: int) -> str:
    """Seven digits and the check digit that belongs to them."""
    digits = f"{stem:07}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True))
    return f"{digits}{(11 - total % 11) % 10}"


async def _described(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        counts = [
            f"{await connection.fetchval(f'SELECT count(*) FROM {table}'):,} {table}"
            for table in ("projects", "divisions", "employees", "contacts", "activities", "reminders")
        ]
    finally:
        await connection.close()
    return f"{', '.join(counts)}: {size / 1e6:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    scale, started = parser.parse_args().scale, time.monotonic()
    with database(scale) as (url, _):
        print(f"{asyncio.run(_described(url))} in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

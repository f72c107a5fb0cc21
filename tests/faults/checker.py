"""What became of it all: reads sink, tables and histories, and names whatever was promised and does not hold.

Nothing acknowledged is lost and nothing is there twice; every reminder that came due was shown, once for each time that it
came due, and every client heard all of its feed in order; every mail arrived, and none twice unless its state says that
this may be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from tests.faults.listeners import Listener
from tests.faults.mail_arrivals import Arrival, judge
from tests.faults.mail_sink import MailSink
from tests.faults.stage import Stage
from tests.faults.workload import Kind, Mutation, Outcome

Rows = Sequence[Mapping[str, Any]]
#: Of all mutations so many are acknowledged in spite of everything; of all mails so few are given up as uncertain.
LEAST_DONE, MOST_MISSING = 0.5, 0.1
CHECKED = ("reminders", "events", "mails")
_NAMES = {
    Kind.REMINDER: "SELECT title AS name FROM reminders",
    Kind.CONTACT: "SELECT name FROM contacts",
    Kind.MAIL: "SELECT subject AS name FROM emails",
}


@dataclass
class Verdict:
    """Sentences, each about one thing that broke a promise. `arrivals` counts mails by what became of them."""

    lost: list[str] = field(default_factory=list)
    doubled_unsaid: list[str] = field(default_factory=list)
    arrivals: Counter[Arrival] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)


async def examine(here: Stage, history: Sequence[Mutation], listeners: Sequence[Listener] = ()) -> Verdict:
    """To be asked when nothing is under way any more."""
    verdict = Verdict()
    async with here.sql() as connection:
        verdict.lost += await lost_rows(connection, history)
        reminders = await connection.fetch(
            "SELECT id::text, title, assignee_id, state FROM reminders WHERE alert_at < now() - interval '5 s'"
        )
        events = await connection.fetch("SELECT * FROM reminder_events ORDER BY employee_id, number")
        verdict.lost += [*unshown(reminders, events), *shown_twice(events)]
        for listener in listeners:
            verdict.lost += unheard(listener, reminders, events)
        mails = await _mails(connection)
    judge_mails(verdict, mails, history, here.sink)
    counts = {"mutations": history, "reminders": reminders, "events": events, "mails": mails}
    verdict.checked.update({name: len(rows) for name, rows in counts.items()})
    return verdict


def undone(verdict: Verdict, history: Sequence[Mutation], listeners: Sequence[Listener]) -> Iterator[str]:
    """What makes a verdict worth nothing: nothing can be lost where nothing was done."""
    done = Counter(each.kind for each in history if each.outcome is Outcome.ACKNOWLEDGED)
    yield from (f"no {kind} was acknowledged" for kind in Kind if not done[kind])
    if done.total() < LEAST_DONE * len(history):
        yield f"only {done.total()} of {len(history)} mutations were acknowledged"
    yield from (f"there were no {what} to check" for what in CHECKED if not verdict.checked[what])
    if verdict.arrivals[Arrival.TOLD_MISSING] > max(1, MOST_MISSING * verdict.checked["mails"]):
        yield f"{verdict.arrivals[Arrival.TOLD_MISSING]} mails did not come, as their states say"
    if not listeners:
        yield "nobody listened"
    yield from (f"{each.person.employee_id} heard nothing" for each in listeners if not each.heard)


async def lost_rows(
    connection: "asyncpg.Connection[asyncpg.Record]", history: Sequence[Mutation]
) -> list[str]:
    """Acknowledged: one row; refused: none; unknown: one or none."""
    faults, rows = [], await _row_counts(connection)
    for each in history:
        allowed = {Outcome.ACKNOWLEDGED: (1,), Outcome.REFUSED: (0,)}.get(each.outcome, (0, 1))
        if (count := rows[each.kind, each.name]) not in allowed:
            faults.append(f"{each.name} {each.outcome} after {each.tries}: {count} rows")
    return faults


async def found(connection: "asyncpg.Connection[asyncpg.Record]", history: Sequence[Mutation]) -> int:
    """How many of them were done, whatever their clients know."""
    rows = await _row_counts(connection)
    return sum(rows[each.kind, each.name] > 0 for each in history)


async def _row_counts(connection: "asyncpg.Connection[asyncpg.Record]") -> Counter[tuple[Kind, str]]:
    rows: Counter[tuple[Kind, str]] = Counter()
    for kind, sql in _NAMES.items():
        rows.update((kind, row["name"]) for row in await connection.fetch(sql))
    return rows


def unshown(reminders: Rows, events: Rows) -> Iterator[str]:
    """Reminders that came due and were never in a window."""
    shown = {id_ for event in events for id_ in _popup(event)}
    for each in reminders:
        if each["assignee_id"] is not None and each["state"] == "OPEN" and each["id"] not in shown:
            yield f"reminder {each['title']} was not shown"


def shown_twice(events: Rows) -> Iterator[str]:
    """Windows that opened although nothing had come due since they opened last."""
    shown: dict[Any, set[str]] = defaultdict(set)
    for event in events:
        before = shown[event["employee_id"]]
        if event["kind"] == "POPUP" and before.issuperset(_popup(event)):
            yield f"window {event['number']} of {event['employee_id']} opened for nothing new"
        before.update(_popup(event))


def unheard(listener: Listener, reminders: Rows, events: Rows) -> Iterator[str]:
    """Gaps and repeats in what a client heard after its first place in the feed."""
    who = listener.person.employee_id
    closed = {each["id"] for each in reminders if each["state"] != "OPEN"}
    logged = {
        event["number"]: event
        for event in events
        if event["employee_id"] == who and event["number"] > listener.starts_after
    }
    numbers = [each.number for each in listener.heard]
    if listener.resets:
        yield f"feed of {who} was reset {listener.resets} times"
    if numbers != sorted(set(numbers)):
        yield f"feed of {who} came out of order or twice: {numbers}"
    for number in sorted(logged.keys() ^ set(numbers)):
        # A window of which everything was handled before it could be told is left out.
        if number not in logged or not closed.issuperset(_popup(logged[number]) or ["-"]):
            yield f"event {number} of {who}: logged {number in logged}, heard {number in numbers}"


def _popup(event: Mapping[str, Any]) -> Iterable[str]:
    ids: list[str] = orjson.loads(event["reminder_ids"])
    return ids


async def _mails(connection: "asyncpg.Connection[asyncpg.Record]") -> Rows:
    rows: Rows = await connection.fetch(
        "SELECT e.*, array(SELECT r.state FROM email_recipients r WHERE r.email_id = e.id) AS recipients FROM emails e"
    )
    return rows


def judge_mails(verdict: Verdict, mails: Rows, history: Sequence[Mutation], sink: MailSink) -> None:
    found = {mail["message_id"]: mail for mail in mails}
    for each in history:
        if each.kind is Kind.MAIL and each.outcome is Outcome.ACKNOWLEDGED and each.message_id not in found:
            verdict.lost.append(f"mail {each.name}: {each.message_id} is not in the table")
    for message_id, mail in found.items():
        came = sink.accepted[message_id]
        arrival = judge(mail, came)
        verdict.arrivals[arrival] += 1
        told = f"mail {mail['subject']} came {came} times, and is {mail['state']}, uncertain {mail['uncertain_attempts']}"
        if arrival is Arrival.LOST:
            verdict.lost.append(told)
        elif arrival is Arrival.DOUBLED:
            verdict.doubled_unsaid.append(told)

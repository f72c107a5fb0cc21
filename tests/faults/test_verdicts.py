"""Each verdict is against what breaks its promise, and against a scenario in which nothing was done."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import orjson
import pytest

from app.models import EmailState
from tests.faults import checker, lock_waiters, silent_postgres, vanished_clients
from tests.faults.checker import Verdict, judge_mails, lost_rows, shown_twice, unheard, unshown
from tests.faults.listeners import Heard, Listener
from tests.faults.mail_arrivals import Arrival
from tests.faults.mail_sink import MailSink
from tests.faults.people import Person
from tests.faults.probes import Lateness, Prober
from tests.faults.stage import Stage
from tests.faults.strikes import KILLS, Striker
from tests.faults.workload import Kind, Mutation, Outcome

WHO = Person(UUID(int=1), UUID(int=2), "contact", "token")


def _mutation(kind: Kind = Kind.CONTACT, outcome: Outcome = Outcome.ACKNOWLEDGED) -> Mutation:
    return Mutation(kind, f"{kind}-{uuid4()}", WHO, {}, outcome, message_id="<1@x>")


def _listener(*numbers: int) -> Listener:
    listener = Listener(WHO, lambda: pytest.fail("It has no client."))
    listener.heard = [Heard(number, (), 0.0) for number in numbers]
    return listener


def _verdict(**more: int) -> Verdict:
    return Verdict(checked=Counter({"reminders": 9, "events": 9, "mails": 9, **more}))


def _striker() -> Striker:
    return Striker(cast(Stage, None), "7", (0.0, 0.0))


def test_of_kills_in_which_all_was_done_the_verdict_is_worth_something() -> None:
    history = [_mutation(kind) for kind in Kind]

    assert list(checker.undone(_verdict(), history, [_listener(1)])) == []


def test_of_kills_in_which_nothing_was_done_it_is_broken() -> None:
    assert list(checker.undone(Verdict(), [], [])) == [
        "no Remind was acknowledged",
        "no CreateContact was acknowledged",
        "no Send was acknowledged",
        "there were no reminders to check",
        "there were no events to check",
        "there were no mails to check",
        "nobody listened",
    ]
    assert list(_striker().missed()) == ["nobody was killed"]


@pytest.mark.parametrize("kind", Kind)
def test_of_kills_without_one_kind_of_mutation_it_is_broken(kind: Kind) -> None:
    history = [_mutation(each, Outcome.UNKNOWN if each is kind else Outcome.ACKNOWLEDGED) for each in Kind]

    assert list(checker.undone(_verdict(), history, [_listener(1)])) == [f"no {kind} was acknowledged"]


@pytest.mark.parametrize("what", checker.CHECKED)
def test_of_kills_without_one_kind_of_rows_it_is_broken(what: str) -> None:
    history = [_mutation(kind) for kind in Kind]

    broken = checker.undone(_verdict(**{what: 0}), history, [_listener(1)])

    assert list(broken) == [f"there were no {what} to check"]


def test_of_kills_in_which_one_heard_nothing_or_most_was_not_done_it_is_broken() -> None:
    history = [*(_mutation(kind) for kind in Kind), *(_mutation(outcome=Outcome.UNKNOWN) for _ in range(4))]

    assert list(checker.undone(_verdict(), history, [_listener(1), _listener()])) == [
        "only 3 of 7 mutations were acknowledged",
        f"{WHO.employee_id} heard nothing",
    ]


def test_of_kills_after_which_many_mails_are_given_up_it_is_broken() -> None:
    verdict = replace(_verdict(mails=20), arrivals=Counter({Arrival.TOLD_MISSING: 3}))

    broken = list(checker.undone(verdict, [_mutation(kind) for kind in Kind], [_listener(1)]))

    assert broken == ["3 mails did not come, as their states say"]


@pytest.mark.parametrize("name", KILLS)
def test_a_strike_that_hit_nobody_breaks_the_kills(name: str) -> None:
    striker = _striker()
    striker.struck.update({"kill_web": 1, name: 1, "silence": 1})
    striker.kills.update({"kill_web": 1})
    striker.struck[name] += 1

    assert list(striker.missed()) == [
        f"{striker.struck[name]} strikes of {name} made {striker.kills[name]} kills"
    ]


def test_a_crash_point_that_is_not_reached_breaks_the_kills() -> None:
    striker = _striker()
    striker.kills["kill_web"] = striker.struck["kill_web"] = 1
    striker.unreached["mail_after_dot"] += 1

    assert list(striker.missed()) == ["mail_after_dot was not reached within 15 s"]


def test_each_strike_that_is_counted_is_one_that_can_be_drawn() -> None:
    assert set(KILLS) <= set(_striker().strikes)


@pytest.mark.parametrize(
    ("written", "vanished_done", "broken"),
    [(0, 1, 1), (100, 0, 1), (100, 1, 0), (90, 1, 0), (89, 1, 1), (0, 0, 2)],
)
def test_clients_that_vanish_prove_nothing_where_nothing_was_asked_or_written(
    written: int, vanished_done: int, broken: int
) -> None:
    history = [_mutation(outcome=Outcome.REFUSED) for _ in range(100 - written)]
    history += [_mutation() for _ in range(written)]

    size = vanished_clients.Size(rounds=1, least=50)
    assert len(list(vanished_clients.undone(history, vanished_done, size))) == broken


def test_the_large_edition_of_clients_that_vanish_asks_for_two_thousand_writes() -> None:
    few = [_mutation() for _ in range(1_999)]

    assert len(list(vanished_clients.undone(few, 1, vanished_clients.LARGE))) == 1
    assert list(vanished_clients.undone([*few, _mutation()], 1, vanished_clients.LARGE)) == []


class _Rows:
    """A connection to a database with so many contacts of this name."""

    def __init__(self, name: str, count: int) -> None:
        self._found = [{"name": name}] * count

    async def fetch(self, sql: str) -> list[dict[str, str]]:
        return self._found if sql.endswith("FROM contacts") else []


@pytest.mark.parametrize(
    ("outcome", "well"),
    [
        (Outcome.ACKNOWLEDGED, [False, True, False]),
        (Outcome.REFUSED, [True, False, False]),
        (Outcome.UNKNOWN, [True, True, False]),
        (Outcome.SENT, [True, True, False]),
    ],
)
async def test_what_a_client_was_told_is_held_against_the_rows(outcome: Outcome, well: list[bool]) -> None:
    mutation = _mutation(outcome=outcome)

    lost = [await lost_rows(cast(Any, _Rows(mutation.name, count)), [mutation]) for count in range(3)]

    assert [not each for each in lost] == well


def test_an_acknowledged_mail_that_is_not_in_the_table_is_lost() -> None:
    verdict = Verdict()

    judge_mails(verdict, [], [_mutation(Kind.MAIL)], MailSink())

    assert len(verdict.lost) == 1


@pytest.mark.parametrize(("came", "lost", "doubled"), [(0, 1, 0), (1, 0, 0), (2, 0, 1)])
def test_mails_are_held_against_what_the_server_got(came: int, lost: int, doubled: int) -> None:
    verdict, sink = Verdict(), MailSink()
    sink.accepted["<1@x>"] = came
    row = {"message_id": "<1@x>", "subject": "s", "state": EmailState.SENT, "recipients": ["SENT"]}

    judge_mails(verdict, [{**row, "uncertain_attempts": 0, "crashes": 0}], [_mutation(Kind.MAIL)], sink)

    assert (len(verdict.lost), len(verdict.doubled_unsaid)) == (lost, doubled)


def _event(number: int, *ids: str, kind: str = "POPUP") -> dict[str, Any]:
    shown = orjson.dumps(ids).decode()
    return {"employee_id": WHO.employee_id, "number": number, "kind": kind, "reminder_ids": shown}


def _reminder(id_: str) -> dict[str, Any]:
    return {"id": id_, "title": id_, "assignee_id": WHO.employee_id, "state": "OPEN"}


def test_a_reminder_that_came_due_is_in_a_window_and_one_that_is_not_is_told() -> None:
    assert list(unshown([_reminder("a"), _reminder("b")], [_event(1, "a")])) == ["reminder b was not shown"]


@pytest.mark.parametrize(
    ("events", "twice"),
    [
        ([_event(1, "a"), _event(2, "a", "b")], 0),
        ([_event(1, "a"), _event(2, "a")], 1),
        ([_event(1, "a", "b"), _event(2, "b")], 1),
    ],
)
def test_a_window_that_opens_for_nothing_new_is_told(events: list[dict[str, Any]], twice: int) -> None:
    assert len(list(shown_twice(events))) == twice


@pytest.mark.parametrize(
    ("heard", "faults"),
    [((1, 2), 0), ((1,), 1), ((), 2), ((1, 2, 2), 1), ((2, 1), 1), ((1, 2, 3), 1)],
)
def test_what_a_client_did_not_hear_or_heard_twice_is_told(heard: Sequence[int], faults: int) -> None:
    events = [_event(1, "a"), _event(2, "b")]

    assert len(list(unheard(_listener(*heard), [_reminder("a"), _reminder("b")], events))) == faults


def test_requests_that_nobody_sent_prove_nothing_of_a_silent_database() -> None:
    prober = Prober(cast(Stage, None), [WHO])
    late = [Lateness(0.0, 0.1)]

    assert silent_postgres.broken("x", 0.0, prober, late) == ["x: no request was answered well"]
    assert "x: no window fell due" in silent_postgres.broken("x", 0.0, prober, [])


def test_waiters_and_others_that_did_nothing_break_the_waiting_for_locks() -> None:
    assert len(lock_waiters.broken([], [], [])) == 3

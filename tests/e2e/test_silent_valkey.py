"""A Valkey that is stopped, not dead: it keeps its connections, takes new ones, and answers nobody."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID, uuid4

import orjson
import pytest
from arq.connections import ArqRedis
from arq.jobs import Job, JobStatus
from redis.asyncio import ConnectionPool

from app.engine.ids import local_id
from app.jobs import Job as JobName
from app.models import Employee, Project, ReminderEvent
from app.workers.pool import serialize
from tests.databases import Databases
from tests.e2e.client import Stream
from tests.e2e.firm import Firm, Person, found
from tests.e2e.installation import GRACE_S, Installation, Program, installation, until
from tests.factories import make_employee, make_reminder
from tests.valkey import stopped

#: What is promised while Valkey is silent, and after.
ANSWERED_S, LATE_ONCE_S, LATE_AFTER_S, WINDOW_LATE_S, WHOLE_S = 10.0, 1.5, 0.05, 5.0, 15.0
#: The windows fall due within so many seconds of the silence.
SILENT_S = 10
WINDOWS = 30
MUTATIONS = 20
LONGEST_S = 60
#: So shortly before the first windows are due Valkey falls silent: nobody knows it yet.
A_MOMENT = timedelta(seconds=0.3)
WORKERS = 2
DUE_LONG_AGO = "2026-01-01T08:00:00Z"


@dataclass
class Silence:
    """What was measured, in seconds: of the windows and requests the worst. `lost` are each process's lines that say so."""

    ordinary_s: float
    first_late_s: float
    later_late_s: float
    longest_s: float
    claimed_late_s: float
    shown_late_s: float
    whole_s: float
    ended_s: float
    lost: list[int]


@pytest.fixture(scope="module")
async def divize(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    url = await databases.fresh("postgres")
    folder = tmp_path_factory.mktemp("silent")
    async with installation(folder, url, workers=WORKERS, LOG_LEVEL="INFO") as started:
        yield started
    await databases.drop(url)


@pytest.fixture(scope="module")
async def silence(divize: Installation) -> Silence:
    """A while in which Valkey is silent, from just before the first windows are due. Measured once for all tests."""
    firm = await found(divize)
    writer, *people = [
        await firm.hire(f"Prodejce {number}", "SALES_REP", reminderIntervalMinutes=1440)
        for number in range(4)
    ]
    ordinary_s = median([await _mutation_s(writer) for _ in range(MUTATIONS)])
    due = datetime.now(UTC) + timedelta(seconds=3)
    async with AsyncExitStack() as sockets, asyncio.TaskGroup() as group:
        shown = [
            group.create_task(
                _shown_late_s(*await _expecting(sockets, person, due + timedelta(seconds=2 * n)))
            )
            for n, person in enumerate(people)
        ]
        employees = await _employees_due(firm, due)
        await until(lambda: datetime.now(UTC) > due - A_MOMENT)
        with stopped(divize.environment["REDIS_URL"]):
            claimed = group.create_task(_claimed_late_s(firm, employees))
            first_s = await _mutation_s(writer)
            later_s = [await _mutation_s(writer) for _ in range(MUTATIONS)]
            readiness_s = await _readiness_s(divize)
            await asyncio.wait([*shown, claimed])
        whole_s = await _whole_s(divize)
    lost = [program.log.read_text().count("redis_lost") for program in _programs(divize)]
    with stopped(divize.environment["REDIS_URL"]):
        ended_s = await asyncio.to_thread(_ended_s, divize)
    measured = Silence(
        ordinary_s=ordinary_s,
        first_late_s=first_s - ordinary_s,
        later_late_s=median(later_s) - ordinary_s,
        longest_s=max(first_s, *later_s, readiness_s),
        claimed_late_s=max(claimed.result()),
        shown_late_s=max(each.result() for each in shown),
        whole_s=whole_s,
        ended_s=ended_s,
        lost=lost,
    )
    sys.stdout.write(f"{measured}\n")
    return measured


def test_every_request_is_answered(silence: Silence) -> None:
    assert silence.longest_s < ANSWERED_S


def test_a_mutation_is_late_once_and_the_next_are_not(silence: Silence) -> None:
    assert silence.first_late_s < LATE_ONCE_S
    assert silence.later_late_s < LATE_AFTER_S


def test_windows_open_nearly_in_time_and_are_seen(silence: Silence) -> None:
    assert silence.claimed_late_s < WINDOW_LATE_S
    assert silence.shown_late_s < WINDOW_LATE_S


def test_queue_workers_and_doorbell_are_back_soon_after(silence: Silence) -> None:
    assert silence.whole_s < WHOLE_S


def test_each_process_says_so_once(silence: Silence) -> None:
    assert silence.lost == [1] * (1 + WORKERS)


def test_processes_end_while_it_is_silent(silence: Silence) -> None:
    assert silence.ended_s < GRACE_S


def _programs(divize: Installation) -> list[Program]:
    return [*divize.webs, *divize.workers]


def _ended_s(divize: Installation) -> float:
    """How long the process takes to end that takes longest."""
    took_s = []
    for program in _programs(divize):
        began = time.monotonic()
        program.end()
        took_s.append(time.monotonic() - began)
    return max(took_s)


async def _mutation_s(person: Person) -> float:
    """How long it takes to make a reminder that is due, which sends a job, and to resolve it, which rings."""
    began = time.monotonic()
    made = await person.client.do("Remind", title="Zavolat", dueAt=DUE_LONG_AGO)
    await person.client.do("Resolve", id=made["reminder"]["id"])
    return time.monotonic() - began


async def _readiness_s(divize: Installation) -> float:
    began = time.monotonic()
    await divize.http.get(f"http://127.0.0.1:{divize.ports[0]}/readyz")
    return time.monotonic() - began


async def _employees_due(firm: Firm, first: datetime) -> dict[UUID, datetime]:
    """Employees with the moments of their windows, one after the other."""
    async with firm.divize.rows():
        project = await Project.get(id=local_id("Project", firm.project_id))
        due = [first + timedelta(seconds=SILENT_S * number / WINDOWS) for number in range(WINDOWS)]
        return {(await _at_work(project, each)).id: each for each in due}


async def _at_work(project: Project, due_at: datetime) -> Employee:
    employee = await make_employee(
        project, ["SALES_REP"], reminder_interval_minutes=1440, next_popup_at=due_at
    )
    await make_reminder(employee, due_at=due_at)
    return employee


async def _claimed_late_s(firm: Firm, employees: dict[UUID, datetime]) -> list[float]:
    """How late their windows were claimed."""
    async with firm.divize.rows():
        events = ReminderEvent.filter(employee_id__in=list(employees))

        async def all_claimed() -> bool:
            return await events.count() >= len(employees)

        await until(all_claimed, LONGEST_S)
        seen = await events.values_list("employee_id", "created_at")
    return [(at - employees[employee_id]).total_seconds() for employee_id, at in seen]


async def _expecting(sockets: AsyncExitStack, person: Person, due_at: datetime) -> tuple[Stream, datetime]:
    """A live feed, and the moment when a window is due in it."""
    socket = await sockets.enter_async_context(person.client.socket())
    feed = await socket.subscribe("Feed")
    await feed.backlog()
    await person.client.do("Remind", title="Ve chvíli ticha", dueAt=due_at.isoformat())
    return feed, due_at


async def _shown_late_s(feed: Stream, due_at: datetime) -> float:
    """How late the window came over the socket."""
    await feed.next(LONGEST_S)
    return (datetime.now(UTC) - due_at).total_seconds()


async def _whole_s(divize: Installation) -> float:
    """Until a worker has done a job, and the web process hears the doorbell and is well with all it needs."""
    began = time.monotonic()
    async with _queue(divize.environment["REDIS_URL"]) as queue:

        async def is_whole() -> bool:
            answer = await divize.http.get(f"http://127.0.0.1:{divize.ports[0]}/readyz")
            is_well = set(answer.json()["parts"].values()) == {"ok"}
            return is_well and await queue.pubsub_numpat() == 1

        job = await queue.enqueue_job(JobName.FIRE_POPUP, str(uuid4()))
        assert job is not None
        await until(lambda: _is_done(job), LONGEST_S)
        await until(is_whole, LONGEST_S)
    return time.monotonic() - began


async def _is_done(job: Job) -> bool:
    return await job.status() is JobStatus.not_found


@asynccontextmanager
async def _queue(redis_url: str) -> AsyncIterator[ArqRedis]:
    queue = ArqRedis(
        ConnectionPool.from_url(redis_url), job_serializer=serialize, job_deserializer=orjson.loads
    )
    yield queue
    await queue.aclose(close_connection_pool=True)

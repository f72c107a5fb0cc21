"""How the feeds of many employees stand, read at once: after a restart ten thousand clients come back in one second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db
from app.coalesce import Coalescer
from app.models import Reminder, ReminderState
from app.policy import Member, Permission
from app.services import unassigned
from app.services.popup_windows import MOST_SHOWN
from app.services.sight import MOMENT, Making, Statement, ask
from app.services.unassigned import NOTHING, Look
from app.viewers import Shape

#: As `totalCount` of lists.
MOST_COUNTED = unassigned.MOST_COUNTED


@dataclass(frozen=True, slots=True)
class FeedState:
    """What waits for an employee, and where his feed is: read in one moment.

    `first_number` is that of the oldest event that is kept, None if none is; `repeat_minutes` is None if his window is
    off; `due` are the ids of their reminders that have come due, the longest due first, at most MOST_SHOWN; `due_count` is
    the number of all that have, `open_count` of all that are open, each counted up to MOST_COUNTED. `unassigned`: those of
    nobody that they can give to somebody, which `open_count` counts too. What they may not see is not named.
    """

    server_time: datetime
    last_number: int
    first_number: int | None
    repeat_minutes: int | None
    due: Sequence[UUID]
    due_count: int
    open_count: int
    unassigned: Look = NOTHING

    @property
    def due_with_unassigned(self) -> int:
        """How many a window tells of: their own that have come due, and those of nobody; counted up to MOST_COUNTED."""
        return min(self.due_count + self.unassigned.due_count, MOST_COUNTED)

    @property
    def more_due(self) -> int:
        """How many have come due beside `due`."""
        return self.due_count - len(self.due)


def open_in_sight(viewer: Member) -> QuerySet[Reminder]:
    """Their own open reminders of which they may see the contact."""
    return Reminder.visible_to(viewer).filter(assignee_id=viewer.employee_id, state=ReminderState.OPEN)


async def count_open(viewer: Member) -> int:
    """How many open reminders wait for the viewer: their own, and those of nobody; counted up to MOST_COUNTED."""
    own = await open_in_sight(viewer).limit(MOST_COUNTED).count()
    return min(own + await unassigned.count_for(viewer), MOST_COUNTED)


async def count_due(viewer: Member) -> int:
    """How many of their open reminders in sight have come due, counted up to MOST_COUNTED; together with all who ask."""
    return await _due_count(viewer)


async def count_unassigned(viewer: Member) -> int:
    """How many of those of nobody have come due that their window tells of; together with all who ask."""
    return await _unassigned_count(viewer)


async def state_of(viewer: Member) -> FeedState:
    """How the viewer's feed stands now; together with all who ask in the same moment."""
    return await _state_of(viewer)


async def _states_of(viewers: Sequence[Member]) -> list[FeedState]:
    now = await db.now()
    states = [FeedState(now, 0, None, None, (), 0, 0)] * len(viewers)
    able = [place for place, viewer in enumerate(viewers) if viewer.may(Permission.REMINDER_OWN)]
    looks = await unassigned.looks([viewers[place] for place in able], now)
    for row in await ask(_statement, [(viewers[place], now) for place in able], "moment"):
        look = looks[row["place"]]
        states[able[row["place"]]] = FeedState(
            now,
            row["feed_number"],
            row["first_number"],
            row["reminder_interval_minutes"],
            [UUID(each) for each in (row["due"] or "").split(",") if each],
            row["due_count"],
            min(row["open_count"] + look.open_count, MOST_COUNTED),
            look,
        )
    return states


_CONCAT = {"postgres": "string_agg", "sqlite": "group_concat"}


@lru_cache(maxsize=512)
def _statement(shape: Shape, dialect: db.Dialect) -> Statement:
    making = Making(shape, dialect)
    waiting = open_in_sight(making.viewer)
    due = making.sql(
        waiting.filter(alert_at__lte=MOMENT).order_by("alert_at", "id").limit(MOST_SHOWN).values("id")
    )
    due_count, open_count = _due(making), making.sql(waiting.limit(MOST_COUNTED).values("id"))
    employee, project = making.id(making.viewer.employee_id), making.id(making.viewer.project_id)
    sql = f"""
        SELECT asked.place, e.feed_number, e.reminder_interval_minutes,
            (SELECT {_CONCAT[dialect]}(CAST(due.id AS text), ',') FROM ({due}) due) AS due,
            (SELECT COUNT(*) FROM ({due_count}) due) AS due_count,
            (SELECT COUNT(*) FROM ({open_count}) waiting) AS open_count,
            (SELECT MIN(number) FROM reminder_events WHERE employee_id = e.id AND project_id = e.project_id)
                AS first_number
        FROM {{asked}} JOIN employees e ON e.id = {employee} AND e.project_id = {project}"""  # noqa: S608
    return making.made(sql, moment="timestamptz")


async def _due_counts(viewers: Sequence[Member]) -> list[int]:
    now = await db.now()
    counts = [0] * len(viewers)
    able = [place for place, viewer in enumerate(viewers) if viewer.may(Permission.REMINDER_OWN)]
    for row in await ask(_count_due, [(viewers[place], now) for place in able], "moment"):
        counts[able[row["place"]]] = row["due_count"]
    return counts


@lru_cache(maxsize=512)
def _count_due(shape: Shape, dialect: db.Dialect) -> Statement:
    making = Making(shape, dialect)
    sql = f"SELECT asked.place, (SELECT COUNT(*) FROM ({_due(making)}) due) AS due_count FROM {{asked}}"  # noqa: S608
    return making.made(sql, moment="timestamptz")


def _due(making: Making) -> str:
    """The first MOST_COUNTED that have come due."""
    due = open_in_sight(making.viewer).filter(alert_at__lte=MOMENT)
    return making.sql(due.limit(MOST_COUNTED).values("id"))


async def _unassigned_counts(viewers: Sequence[Member]) -> list[int]:
    return [look.due_count for look in await unassigned.looks(viewers, await db.now())]


_state_of = Coalescer(_states_of)
_due_count = Coalescer(_due_counts)
_unassigned_count = Coalescer(_unassigned_counts)

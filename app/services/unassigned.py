"""Open reminders that are nobody's: who can give them to somebody, and what of them the windows of these people show.

They lost their assignee with a share, a division or a right. Until each is given or done it is in the window of every
active employee who holds REMINDER_ASSIGN and sees its contact.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db, db_rows
from app.models import Contact, EmployeeStatus, Reminder, ReminderState
from app.policy import Member, Permission, roles_with
from app.services import member_rows
from app.services.sight import MOMENT, Making, Statement, ask, in_sight
from app.viewers import Shape, facts_of

#: That one window shows, the longest due first; the rest is counted, so that a recall of thousands buries nobody.
MOST_SHOWN = 50
#: As `totalCount` of lists.
MOST_COUNTED = 10_000


def in_reach(viewer: Member) -> QuerySet[Reminder]:
    """Those that the viewer can give to somebody; none without REMINDER_ASSIGN."""
    return Reminder.visible_to(viewer).filter(assignee_id__isnull=True, state=ReminderState.OPEN)


def counted_for(viewer: Member) -> QuerySet[Reminder]:
    """Those that `openCount` counts. An admin's counts all of the project: also what nobody at work sees."""
    if viewer.may(Permission.ADMIN_GRANT):
        return Reminder.filter(
            project_id=viewer.project_id, assignee_id__isnull=True, state=ReminderState.OPEN
        )
    return in_reach(viewer)


async def count_for(viewer: Member) -> int:
    """How many `openCount` counts, up to MOST_COUNTED."""
    if not viewer.may(Permission.REMINDER_ASSIGN):
        return 0
    return await counted_for(viewer).limit(MOST_COUNTED).count()


@dataclass(frozen=True, slots=True)
class Look:
    """What of them waits for somebody now.

    `shown`: ids of those that are due, the longest due first, at most MOST_SHOWN; `more`: how many more are due; `ahead`:
    when the next comes due; `open_count`: all that `openCount` counts.
    """

    shown: Sequence[UUID] = ()
    more: int = 0
    ahead: datetime | None = None
    open_count: int = 0


NOTHING = Look()


async def looks(viewers: Sequence[Member], now: datetime) -> list[Look]:
    """What waits for each: read once for all who see the same, so that a thousand windows of a project take one look."""
    found = [NOTHING] * len(viewers)
    alike: dict[tuple[Shape, Sequence[UUID]], list[int]] = {}
    for place, viewer in enumerate(viewers):
        if viewer.may(Permission.REMINDER_ASSIGN):
            facts = facts_of(viewer)
            wanted = [facts.values[each] for each in _look(facts.shape, db.dialect()).places]
            alike.setdefault((facts.shape, tuple(wanted)), []).append(place)
    groups = list(alike.values())
    for row in await ask(_look, [(viewers[group[0]], now) for group in groups], "moment"):
        shown = [UUID(each) for each in (row["shown"] or "").split(",") if each]
        ahead = row["ahead"] and db.as_datetime(row["ahead"])
        look = Look(shown, row["due_count"] - len(shown), ahead, row["open_count"])
        for place in groups[row["place"]]:
            found[place] = look
    return found


_CONCAT = {"postgres": "string_agg", "sqlite": "group_concat"}


@lru_cache(maxsize=512)
def _look(shape: Shape, dialect: db.Dialect) -> Statement:
    making = Making(shape, dialect)
    waiting = in_reach(making.viewer)
    due = waiting.filter(alert_at__lte=MOMENT)
    shown = making.sql(due.order_by("alert_at", "id").limit(MOST_SHOWN).values("id"))
    count = making.sql(due.limit(MOST_COUNTED).values("id"))
    ahead = making.sql(_first(waiting.filter(alert_at__gt=MOMENT)))
    counted = making.sql(counted_for(making.viewer).limit(MOST_COUNTED).values("id"))
    sql = f"""
        SELECT asked.place,
            (SELECT {_CONCAT[dialect]}(CAST(shown.id AS text), ',') FROM ({shown}) shown) AS shown,
            (SELECT COUNT(*) FROM ({count}) due) AS due_count,
            (SELECT COUNT(*) FROM ({counted}) counted) AS open_count,
            ({ahead}) AS ahead
        FROM {{asked}}"""  # noqa: S608
    return making.made(sql, moment="timestamptz")


class Moments(NamedTuple):
    """Of those in somebody's reach: when the first of all came due, or comes, and the first after a moment."""

    first: datetime | None = None
    ahead: datetime | None = None


async def moments(asked: Sequence[tuple[Member, datetime]]) -> list[Moments]:
    """For each viewer when they ask for attention: the first of all, and the first after the moment beside them."""
    found = [Moments()] * len(asked)
    for row in await ask(_moments, asked, "moment"):
        found[row["place"]] = Moments(*(row[name] and db.as_datetime(row[name]) for name in Moments._fields))
    return found


@lru_cache(maxsize=512)
def _moments(shape: Shape, dialect: db.Dialect) -> Statement:
    making = Making(shape, dialect)
    waiting = in_reach(making.viewer)
    first, ahead = making.sql(_first(waiting)), making.sql(_first(waiting.filter(alert_at__gt=MOMENT)))
    sql = f"SELECT asked.place, ({first}) AS first, ({ahead}) AS ahead FROM {{asked}}"  # noqa: S608
    return making.made(sql, moment="timestamptz")


def _first(reminders: QuerySet[Reminder]) -> QuerySet[Reminder]:
    values: QuerySet[Reminder] = reminders.order_by("alert_at", "id").limit(1).values("alert_at")  # type: ignore[assignment]
    return values


_GIVERS = """
    SELECT e.id, e.project_id, {columns} FROM employees e
    WHERE e.project_id IN {ids} AND e.status = '{active}' AND ({roles}){window}
"""


async def givers(project_ids: Collection[UUID], *, with_window: bool = False) -> list[Member]:
    """Who is at work in these projects and gives reminders to others: those with a window alone, or all."""
    if not project_ids:
        return []
    dialect = db.dialect()
    sql = _GIVERS.format(
        columns=member_rows.columns(dialect, "e"),
        ids=db_rows.ids(dialect, "$1"),
        active=EmployeeStatus.ACTIVE.value,
        # Leaves out most of a large firm; whether they really may is asked of the policy.
        roles=" OR ".join(f"e.roles LIKE '%{role}%'" for role in roles_with(Permission.REMINDER_ASSIGN)),
        window=" AND e.reminder_interval_minutes IS NOT NULL" if with_window else "",
    )
    rows = await db.fetch(sql, [db_rows.packed_ids(project_ids)])
    return [member_rows.viewer_of(row) for row in rows if member_rows.may(row, Permission.REMINDER_ASSIGN)]


async def giver_ids(project_ids: Iterable[UUID]) -> set[UUID]:
    """The same, their ids: for whoever locks them with those whose reminders may become nobody's."""
    return {each.employee_id for each in await givers(set(project_ids))}


async def shown_to(project_id: UUID, contact_id: UUID | None) -> list[UUID]:
    """In whose windows one of this contact, or of none, is while it is nobody's."""
    able = await givers([project_id])
    if contact_id is None:
        return [each.employee_id for each in able]
    seen = await in_sight(Contact.visible_to, [(each, contact_id) for each in able])
    return [each.employee_id for each, is_seen in zip(able, seen, strict=True) if is_seen]

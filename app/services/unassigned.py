"""Open reminders that are nobody's: who can give them to somebody, and what of them the windows of these people show.

They lost their assignee with a share, a division or a right. Until each is given or done it is in the window of every
active employee who holds REMINDER_ASSIGN and sees its contact. If nobody at work does, the admins' windows count it (see
`stranded`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db
from app.models import Contact, Reminder, ReminderState
from app.policy import Member, Permission
from app.services import givers, stranded
from app.services.sight import MOMENT, Making, Statement, ask, in_sight
from app.viewers import Shape, facts_of

#: That one window shows, the longest due first; the rest is counted, so that a recall of thousands buries nobody.
MOST_SHOWN = 50
MOST_COUNTED = stranded.MOST_COUNTED


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


async def projects_with_any(project_ids: Collection[UUID]) -> set[UUID]:
    """Those of these projects that have some."""
    return {each for each in project_ids if await is_any(each)}


async def is_any(project_id: UUID) -> bool:
    """Whether the project has any."""
    waiting = Reminder.filter(project_id=project_id, assignee_id__isnull=True, state=ReminderState.OPEN)
    return await waiting.exists()


async def count_for(viewer: Member) -> int:
    """How many `openCount` counts, up to MOST_COUNTED."""
    if not viewer.may(Permission.REMINDER_ASSIGN):
        return 0
    return await counted_for(viewer).limit(MOST_COUNTED).count()


@dataclass(frozen=True, slots=True)
class Look:
    """What of them waits for somebody now.

    `shown`: ids of those that are due, the longest due first, at most MOST_SHOWN; `more`: how many more are due, of an admin
    also those that nobody sees; `ahead`:
    when the next comes due; `open_count`: all that `openCount` counts.
    """

    shown: Sequence[UUID] = ()
    more: int = 0
    ahead: datetime | None = None
    open_count: int = 0

    @property
    def due_count(self) -> int:
        return len(self.shown) + self.more


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
    for place, hidden in (await stranded.for_admins([(each, now) for each in viewers])).items():
        look = found[place]
        ahead = _earlier(look.ahead, hidden.ahead)
        found[place] = replace(look, more=look.more + hidden.due, ahead=ahead)
    return found


def _earlier(*moments: datetime | None) -> datetime | None:
    return min(filter(None, moments), default=None)


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
    for place, hidden in (await stranded.for_admins(asked)).items():
        seen = found[place]
        found[place] = Moments(_earlier(seen.first, hidden.first), _earlier(seen.ahead, hidden.ahead))
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


async def seers(able: Sequence[Member], contact_id: UUID | None) -> list[Member]:
    """Those of these who see this contact; all if it is none."""
    if contact_id is None:
        return list(able)
    # Once for all whose divisions are the same: of a firm's hundreds they are few.
    alike = {each.division_ids: each for each in able}
    seen = await in_sight(Contact.visible_to, [(each, contact_id) for each in alike.values()])
    seeing = {divisions for divisions, is_seen in zip(alike, seen, strict=True) if is_seen}
    return [each for each in able if each.division_ids in seeing]


async def shown_to(project_id: UUID, contact_id: UUID | None) -> list[UUID]:
    """In whose windows one of this contact, or of none, is while it is nobody's."""
    return [each.employee_id for each in await seers(await givers.at_work([project_id]), contact_id)]

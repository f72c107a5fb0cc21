"""Windows that are being opened: whose they are, and which of the reminders that are due each of them shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import db, db_rows
from app.policy import Member, Permission
from app.services import member_rows, popups, unassigned
from app.services.held_reminders import Held
from app.services.reminder_log import Popup
from app.services.unassigned import NOTHING, Look

#: Reminders that one window shows, the longest due first. The others come up when these are handled, window by window.
MOST_SHOWN = 500
#: So many are looked for at first. Windows with more due are counted before they are read: of those a transaction opens,
#: the longest due first, as many as show so many reminders together. So what it holds in memory does not grow with what
#: people leave undone, and how many it opens hangs on how much they show, not on how many people have more than a few.
FEW = 20
MOST_IN_FULL = 10_000
#: So many are counted at once, and claimed once it is known that all of them are full: there may be room for a few only.
FULL_AT_ONCE = 100
#: What is nobody's is looked through once for all who have the same divisions. For so many sets of divisions in a transaction.
SETS_AT_ONCE = 25


@dataclass(slots=True)
class Window:
    """A claimed one; ids are texts, of which nothing is made but other texts.

    `due`: what it shows, `(reminder, contact)`, the longest due first; `ahead`: when the first of the others comes due.
    `is_short`: of more than it shows some were taken, and others may have their place. `unassigned`: what is nobody's.
    """

    employee_id: str
    row: Mapping[str, Any]
    due: Sequence[tuple[str, str]] = ()
    ahead: datetime | None = None
    is_short: bool = False
    unassigned: Look = NOTHING

    @property
    def moment(self) -> datetime:
        return db.as_datetime(self.row["next_popup_at"])

    @property
    def repeat_minutes(self) -> int:
        minutes: int = self.row["reminder_interval_minutes"]
        return minutes

    @property
    def viewer(self) -> Member:
        id_ = UUID(self.employee_id)
        return member_rows.member_of(
            self.row, employee_id=id_, project_id=UUID(self.row["project_id"]), account_id=id_, session_id=id_
        )

    @property
    def gives(self) -> bool:
        """Do they give reminders to others?"""
        return member_rows.may(self.row, Permission.REMINDER_ASSIGN)

    def held(self) -> list[tuple[Member, Held]]:
        viewer = self.viewer
        return [
            (
                viewer,
                Held(UUID(id_), viewer.employee_id, viewer.project_id, UUID(contact) if contact else None),
            )
            for id_, contact in self.due
        ]

    @property
    def opens(self) -> bool:
        return bool(self.due or self.unassigned.shown or self.unassigned.more) and not self.is_short

    def next_at(self, now: datetime) -> datetime | None:
        if self.is_short:
            return now  # looked at once more, before it opens
        repeat = now + popups.interval(self.repeat_minutes) if self.opens else None
        return min(filter(None, [repeat, self.ahead, self.unassigned.ahead]), default=None)

    def popup(self, number: int) -> Popup:
        shown = [id_ for id_, _ in self.due]
        return Popup(
            self.employee_id,
            self.row["project_id"],
            number,
            shown,
            self.repeat_minutes,
            self.moment,
            [str(each) for each in self.unassigned.shown],
            self.unassigned.more,
        )


_LOOK = """
    SELECT CAST(asked.id AS text) AS id, (
        SELECT {concat}(CAST(shown.id AS text) || ' ' || COALESCE(CAST(shown.contact_id AS text), ''), ',') FROM (
            SELECT id, contact_id FROM reminders
            WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at <= $1 ORDER BY alert_at, id LIMIT {most}
        ) shown
    ) AS due, (
        SELECT MIN(alert_at) FROM reminders WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at > $1
    ) AS ahead
    FROM {asked}
"""
_CONCAT = {"postgres": "string_agg", "sqlite": "group_concat"}


async def look(claimed: Mapping[str, Window], now: datetime) -> Mapping[str, Window]:
    """Reads what waits for each who may have a window. Leaves out those with much due for whom there is no room now."""
    if db.dialect() == "postgres":
        # It does not know who has much due: the first few by the index, never all of somebody's, sorted.
        await db.fetch("SET LOCAL enable_bitmapscan = off")
    able = [each for each in claimed.values() if member_rows.may(each.row, Permission.REMINDER_OWN)]
    await _read_due(able, now, FEW + 1)
    full = [each for each in able if len(each.due) > FEW]
    fitting = await _fitting(full, now)
    await _read_due(fitting, now, MOST_SHOWN)
    left_out = {each.employee_id for each in full[len(fitting) :]} | await _beyond_sets(able)
    await _read_unassigned([each for each in able if each.employee_id not in left_out], now)
    return {id_: each for id_, each in claimed.items() if id_ not in left_out}


_COUNT = """
    SELECT CAST(asked.id AS text) AS id, (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM reminders
            WHERE assignee_id = asked.id AND state = 'OPEN' AND alert_at <= $1 LIMIT {most}
        ) shown
    ) AS shown
    FROM {asked}
"""


async def _fitting(full: Sequence[Window], now: datetime) -> Sequence[Window]:
    """The first of these, as many as there is room for; never none."""
    asked = db_rows.unpacked(db.dialect(), "$2", "asked", id="uuid")
    sql = _COUNT.format(asked=asked, most=MOST_SHOWN)
    taken = together = 0
    for some in db_rows.portions(full, FULL_AT_ONCE):
        rows = await db.fetch(sql, [now, db_rows.packed({"id": each.employee_id} for each in some)])
        shown = {row["id"]: row["shown"] for row in rows}
        for each in some:
            together += shown[each.employee_id]
            if together > MOST_IN_FULL:
                return full[:taken]
            taken += 1
    return full


async def _beyond_sets(windows: Sequence[Window]) -> set[str]:
    """Those who give reminders, if the first of them have as many sets of divisions as one transaction looks for."""
    chosen = [each.viewer for each in windows if each.gives and each.row["division_scope"] == "CHOSEN"]
    if len(chosen) <= SETS_AT_ONCE:
        return set()
    waiting = await unassigned.projects_with_any({each.project_id for each in chosen})
    sets, beyond = set[tuple[UUID, frozenset[UUID] | None]](), set[str]()
    for each in chosen:
        asked = each.project_id, each.division_ids
        if each.project_id not in waiting or asked in sets:
            continue
        if len(sets) < SETS_AT_ONCE:
            sets.add(asked)
        else:
            beyond.add(str(each.employee_id))
    return beyond


async def _read_due(windows: Sequence[Window], now: datetime, most: int) -> None:
    if not windows:
        return
    by_id = {each.employee_id: each for each in windows}
    dialect = db.dialect()
    asked = db_rows.unpacked(dialect, "$2", "asked", id="uuid")
    sql = _LOOK.format(concat=_CONCAT[dialect], asked=asked, most=most)
    for row in await db.fetch(sql, [now, db_rows.packed({"id": id_} for id_ in by_id)]):
        window = by_id[row["id"]]
        if row["due"]:
            window.due = [
                (id_, contact) for id_, _, contact in (each.partition(" ") for each in row["due"].split(","))
            ]
        if row["ahead"]:
            window.ahead = db.as_datetime(row["ahead"])


async def _read_unassigned(windows: Sequence[Window], now: datetime) -> None:
    givers = [each for each in windows if each.gives]
    found = await unassigned.looks([each.viewer for each in givers], now)
    for window, look in zip(givers, found, strict=True):
        window.unassigned = look

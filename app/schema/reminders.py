"""Reminders: the list of what is to do, and what one does with it."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app import models
from app.engine.assemble import describe_enum
from app.engine.declare import ById, Listing, Record, Table, column, computed, to_one
from app.engine.guards import GUARD, described, directives_of
from app.engine.ids import global_id
from app.models import ReminderKind
from app.policy import Member, Permission, Viewer
from app.schema.common import ViewerCan
from app.schema.context import Context
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import feed_states, reminders

OWN = Permission.REMINDER_OWN

describe_enum(
    models.ReminderKind,
    "What kind of thing a reminder is about.",
    TASK="Something to do.",
    FOLLOW_UP="Somebody to come back to.",
)
describe_enum(
    models.ReminderState,
    "Whether a reminder still waits.",
    OPEN="It waits to be handled.",
    RESOLVED="It was handled.",
)


async def _viewer_can(rows: Sequence[Record], viewer: Viewer) -> Sequence[ViewerCan]:
    """Whoever sees a reminder handles it: it is his own, or he gives reminders to others."""
    may_change = viewer.may(OWN)
    return [ViewerCan(update=may_change, delete=may_change) for _ in rows]


class Reminder(Table, model=models.Reminder, see=OWN):
    """Something an employee must handle, due at a time. One sees one's own, and with REMINDER_ASSIGN everybody's."""

    title = column(OWN, "What is to be done.")
    note = column(OWN, "More about it.")
    kind = column(OWN, "A task, or somebody to come back to.", filter=True)
    due_at = column(OWN, "When it is due.", filter=True, sort="due_at")
    snoozed_until = column(OWN, "Until when it rests; null if it was not put off.", filter=True)
    state = column(OWN, "Whether it still waits.", filter=True)
    resolved_at = column(OWN, "When it was handled.", filter=True, sort="resolved_at")
    resolved_by = to_one("Employee", OWN, "Who handled it.", via="resolved_by_id")
    assignee_id = column(
        OWN,
        "The id of whose it is; null if it is nobody's: whoever it was may no longer see its contact.",
        id_of="Employee",
        filter=True,
    )
    assignee = to_one(
        "Employee",
        OWN,
        "Whose it is; null if it is nobody's: whoever it was may no longer see its contact.",
        via="assignee_id",
    )
    contact_id = column(OWN, "The id of the contact it concerns.", id_of="Contact", filter=True)
    contact = to_one("Contact", OWN, "The contact it concerns, if any.", via="contact_id")
    created_by = to_one("Employee", OWN, "Who made it.", via="created_by_id")
    created_at = column(OWN, "When it was made.", filter=True, sort="created_at")
    updated_at = column(OWN, "When it was last changed.", filter=True, sort="updated_at")
    version = column(OWN, "Grows with every change; send it back as `expectedVersion`.")
    viewer_can = computed(ViewerCan, OWN, "What the viewer may do with it.", _viewer_can)


async def open_reminder_count(info: strawberry.Info[Context, None]) -> int | None:
    viewer = info.context.viewer
    return await feed_states.count_open(viewer) if isinstance(viewer, Member) else None


queries = {
    "reminder": ById(guard=OWN, description="A reminder.", to="Reminder"),
    "reminders": Listing(
        guard=OWN,
        description="Reminders, the earliest due first: one's own, and with REMINDER_ASSIGN everybody's.",
        to="Reminder",
        order=("due_at",),
    ),
    "open_reminder_count": strawberry.field(
        resolver=open_reminder_count,
        description=described(
            "How many open reminders the viewer has, due or not, with those of nobody that they can give to somebody (an admin: "
            "all of the project that are nobody's), counted up to 10,000.",
            OWN,
        ),
        directives=directives_of(OWN),
        metadata={GUARD: OWN},
    ),
}


@strawberry.input(description="A new reminder.")
class ReminderCreateInput:
    title: str = required("What is to be done: one line, at most 300 characters.")
    due_at: datetime = required("When it is due. In the past, it pops up at once.")
    kind: ReminderKind | None = optional("TASK if not given.")
    contact_id: strawberry.ID | None = optional("The contact it concerns.", id_of="Contact")
    assignee_id: strawberry.ID | None = optional(
        "Whose it is: the viewer's if not given; another's needs REMINDER_ASSIGN.", id_of="Employee"
    )
    note: str | None = optional("More about it, at most 5,000 characters.")
    idempotency_key: str | None = idempotency_key()


@mutation(OWN, reminder=Reminder)
async def reminder_create(act: Act, input: ReminderCreateInput) -> Returned:
    """Makes a reminder, one's own or a colleague's who sees the contact."""
    reminder = await reminders.create(act.member, now=act.now, **given(input))
    return {"reminder": reminder.id}


@strawberry.input(description="Corrections of an open reminder. What is not sent stays.")
class ReminderUpdateInput:
    id: strawberry.ID = required("Which reminder.", id_of="Reminder")
    title: str | None = optional("What is to be done: one line, at most 300 characters.")
    note: str | None = optional("More about it, at most 5,000 characters; null for nothing.")
    due_at: datetime | None = optional(
        "When it is due. Another time than it has takes the place of a snooze."
    )
    kind: ReminderKind | None = optional("A task, or somebody to come back to.")
    contact_id: strawberry.ID | None = optional("The contact it concerns; null for none.", id_of="Contact")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(OWN, reminder=Reminder)
async def reminder_update(act: Act, input: ReminderUpdateInput) -> Returned:
    """Corrects an open reminder."""
    reminder = await reminders.update(act.member, now=act.now, **given(input))
    return {"reminder": reminder.id}


@strawberry.input(description="Whose a reminder becomes.")
class ReminderReassignInput:
    id: strawberry.ID = required("Which reminder.", id_of="Reminder")
    assignee_id: strawberry.ID = required(
        "Who is to handle it: an active employee who sees its contact.", id_of="Employee"
    )


@mutation(Permission.REMINDER_ASSIGN, reminder=Reminder)
async def reminder_reassign(act: Act, input: ReminderReassignInput) -> Returned:
    """Gives an open reminder to another employee: it leaves one window and opens the other when due. A snooze ends."""
    reminder = await reminders.reassign(act.member, now=act.now, **given(input))
    return {"reminder": reminder.id}


@strawberry.input(description="Until when: one of the two.", one_of=True)
class ReminderSnoozeUntil:
    minutes: int | None = optional("So many minutes from now: 1 to 43,200 (30 days).")
    at: datetime | None = optional("A moment in the future.")


@strawberry.input(description="A reminder, and until when it rests.")
class ReminderSnoozeInput:
    id: strawberry.ID = required("Which reminder.", id_of="Reminder")
    until: ReminderSnoozeUntil = required("Until when it rests.")


@mutation(OWN, reminder=Reminder)
async def reminder_snooze(act: Act, input: ReminderSnoozeInput) -> Returned:
    """Lets an open reminder rest: it leaves the window on every device and comes back at that time.

    Until it is given to another: a snooze ends with whose it was. One that is nobody's cannot rest (WRONG_STATE).
    """
    reminder = await reminders.snooze(act.member, now=act.now, **given(input))
    return {"reminder": reminder.id}


@strawberry.input(description="A reminder that was handled.")
class ReminderResolveInput:
    id: strawberry.ID = required("Which reminder.", id_of="Reminder")


@mutation(OWN, reminder=Reminder)
async def reminder_resolve(act: Act, input: ReminderResolveInput) -> Returned:
    """Says that it is done: it leaves the window on every device for good. Twice is no error."""
    reminder = await reminders.resolve(act.member, now=act.now, **given(input))
    return {"reminder": reminder.id}


@strawberry.input(description="A reminder to remove.")
class ReminderDeleteInput:
    id: strawberry.ID = required("Which reminder.", id_of="Reminder")


@mutation(OWN, deleted_reminder_id=strawberry.ID)
async def reminder_delete(act: Act, input: ReminderDeleteInput) -> Returned:
    """Removes a reminder, open or resolved."""
    deleted_id = await reminders.delete(act.member, now=act.now, **given(input))
    return {"deleted_reminder_id": global_id("Reminder", deleted_id)}

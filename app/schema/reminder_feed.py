"""The feed of pop-ups, for people on flaky networks: at least once, in order, without a gap."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app import db, models
from app.engine.assemble import describe_enum, held
from app.engine.guards import value
from app.engine.ids import global_id
from app.errors import Unauthenticated
from app.models import ReminderClosedReason, ReminderEvent, ReminderEventKind
from app.policy import Level, Member, Permission
from app.schema.context import Context
from app.schema.reminders import Reminder
from app.schema.subscriptions import subscription
from app.services import feed
from app.services.feed import ReminderResetReason
from app.services.reminder_log import CHANNEL

HEARTBEAT_EVERY_S = 25.0
#: The net under the doorbell: the database is looked into this often without a ring.
POLL_EVERY_S = 10.0

describe_enum(
    models.ReminderClosedReason,
    "Why a reminder leaves the window.",
    RESOLVED="It was handled.",
    SNOOZED="It rests until `snoozedUntil`.",
    DELETED="It was removed, or its contact was.",
    GIVEN_AWAY="It is a colleague's now, or its contact went out of sight.",
    CHANGED="It is due later now.",
)
describe_enum(
    ReminderResetReason,
    "Why a feed cannot go on after a cursor.",
    CURSOR_TOO_OLD="Events after it are no longer kept.",
    CURSOR_UNKNOWN="It is none of this employee's cursors.",
)


@value(Level.MEMBER, interface=True)
class ReminderFeedEvent:
    """Something a window is told."""

    cursor: str = strawberry.field(
        description="The place in the feed: send the last one as `after` to go on from it."
    )
    server_time: datetime = strawberry.field(description="The server's clock, when it was sent.")


@value(Level.MEMBER)
class ReminderPopup(ReminderFeedEvent):
    """The window appears: everything due for the viewer now. It returns every `repeatMinutes` until each is handled."""

    reminders: list[Reminder] = held(
        Level.MEMBER, "What is due, the longest due first, at most 500.", "Reminder", many=True
    )
    repeat_minutes: int = strawberry.field(description="After how many minutes it comes back.")
    replayed: bool = strawberry.field(description="True if it happened before this subscription was live.")


@value(Level.MEMBER)
class ReminderClosed(ReminderFeedEvent):
    """Handled, snoozed, deleted, given away, on any device: take it out of the window."""

    reminder_id: strawberry.ID = strawberry.field(description="Which reminder.")
    closed_reason: ReminderClosedReason = strawberry.field(description="Why.")
    snoozed_until: datetime | None = strawberry.field(description="When it comes back, if it was snoozed.")


@value(Level.MEMBER)
class ReminderFeedLive(ReminderFeedEvent):
    """The backlog is through; what follows is live."""

    open_count: int = strawberry.field(description="How many open reminders the viewer has, due or not.")


@value(Level.MEMBER)
class ReminderFeedReset(ReminderFeedEvent):
    """The cursor is too old or unknown: drop local state; what is open follows."""

    reset_reason: ReminderResetReason = strawberry.field(description="Why.")


@value(Level.MEMBER)
class ReminderHeartbeat(ReminderFeedEvent):
    """Nothing happened, and the line is alive: every 25 seconds."""


types = (ReminderPopup, ReminderClosed, ReminderFeedLive, ReminderFeedReset, ReminderHeartbeat)


@subscription(Permission.REMINDER_OWN)
async def reminder_feed(
    info: strawberry.Info[Context, None],
    after: Annotated[
        str | None, strawberry.argument(description="The `cursor` of the last event that was taken in.")
    ] = strawberry.UNSET,
) -> AsyncIterator[ReminderFeedEvent]:
    """Pop-ups of the viewer. Without `after`: what is open now, then live. With `after`: everything since that cursor, then live.

    Whatever comes may come again after a reconnection with `after`, in the same order, and nothing is left out.
    """
    context = info.context
    viewer = await _viewer_now(context)
    async with context.hub.listen(f"{CHANNEL}{viewer.employee_id}") as bell:
        reading = Reading(context, context.cursor_key, await feed.last_number(viewer))
        async with aclosing(reading.all_of_it(None if after is strawberry.UNSET else after, bell)) as events:
            async for event in events:
                yield event


@dataclass(slots=True)
class Reading:
    """One subscription: how far it has read."""

    context: Context
    key: bytes
    number: int

    async def all_of_it(self, after: str | None, bell: Any) -> AsyncGenerator[ReminderFeedEvent, None]:
        """The events of the subscription, without end."""
        async for event in self._backlog(after):
            yield event
        viewer = await _viewer_now(self.context)
        yield ReminderFeedLive(open_count=await feed.open_count(viewer), **await self._place())
        async for event in self._live(bell):
            yield event

    async def _backlog(self, after: str | None) -> AsyncIterator[ReminderFeedEvent]:
        viewer = await _viewer_now(self.context)
        if after is not None:
            number = feed.number_of(self.key, viewer.employee_id, after)
            reason = await feed.why_not_from(viewer, number)
            if reason is None and number is not None:
                self.number = number
                async for event in self._events(replayed=True):
                    yield event
                return
            yield ReminderFeedReset(
                reset_reason=reason or ReminderResetReason.CURSOR_UNKNOWN, **await self._place()
            )
        if popup := await self._what_is_due():
            yield popup

    async def _what_is_due(self) -> ReminderPopup | None:
        viewer = await _viewer_now(self.context)
        place = await self._place()
        minutes = await feed.repeat_minutes(viewer)
        due: Any = await feed.due(viewer, now=place["server_time"])  # held: shown as the rows with these ids
        if minutes is None or not due:
            return None
        return ReminderPopup(reminders=due, repeat_minutes=minutes, replayed=True, **place)

    async def _live(self, bell: Any) -> AsyncIterator[ReminderFeedEvent]:
        beats_at = time.monotonic() + HEARTBEAT_EVERY_S
        while True:
            async for event in self._events(replayed=False):
                yield event
            left_s = beats_at - time.monotonic()
            if left_s <= 0:
                await _viewer_now(self.context)
                yield ReminderHeartbeat(**await self._place())
                beats_at = time.monotonic() + HEARTBEAT_EVERY_S
            else:
                await bell.wait(min(left_s, POLL_EVERY_S))

    async def _events(self, *, replayed: bool) -> AsyncIterator[ReminderFeedEvent]:
        """What the log has after the place that was read last, to its end."""
        while events := await feed.events_after(await _viewer_now(self.context), self.number):
            for event in events:
                if shown := await self._shown(event, replayed=replayed):
                    yield shown

    async def _shown(self, event: ReminderEvent, *, replayed: bool) -> ReminderFeedEvent | None:
        """The event as the viewer may see it at this moment; None for a pop-up of which nothing is left."""
        viewer = await _viewer_now(self.context)
        self.number = event.number
        if event.kind is ReminderEventKind.CLOSED:
            return await self._closed(event)
        still_open: Any = await feed.still_open(viewer, event.reminder_ids)
        if not still_open:
            return None
        assert event.repeat_minutes is not None
        return ReminderPopup(
            reminders=still_open,
            repeat_minutes=event.repeat_minutes,
            replayed=replayed,
            **await self._place(),
        )

    async def _closed(self, event: ReminderEvent) -> ReminderClosed:
        assert event.reminder_id is not None and event.closed_reason is not None
        return ReminderClosed(
            reminder_id=strawberry.ID(global_id("Reminder", event.reminder_id)),
            closed_reason=event.closed_reason,
            snoozed_until=event.snoozed_until,
            **await self._place(),
        )

    async def _place(self) -> dict[str, Any]:
        viewer = self.context.viewer
        assert isinstance(viewer, Member)
        return {
            "cursor": feed.cursor_of(self.key, viewer.employee_id, self.number),
            "server_time": await db.now(),
        }


async def _viewer_now(context: Context) -> Member:
    """Before every event: rights change under a subscription. Raises Unauthenticated or Forbidden, which end it."""
    viewer = await context.refresh()
    viewer.require(Permission.REMINDER_OWN)
    if not isinstance(viewer, Member):
        raise Unauthenticated("Enter a project first.")
    return viewer

"""The feed of pop-ups, for people on flaky networks: at least once, in order, without a gap."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app import models
from app.engine.assemble import describe_enum, held
from app.engine.guards import value
from app.engine.ids import global_id
from app.models import ReminderClosedReason
from app.policy import Level, Member, Permission
from app.schema.context import Context
from app.schema.reminders import Reminder
from app.schema.subscriptions import subscription
from app.services import feed, feed_pages, feed_states, feed_watch
from app.services.feed import ReminderResetReason
from app.services.feed_pages import News, Page
from app.services.feed_states import FeedState
from app.services.feed_watch import Seat

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
    """The window appears: everything due for the viewer now. It returns every `repeatMinutes` until each is handled.

    It shows the longest due: at most 500, and no more than the selection can afford. What is asked of one reminder is
    counted when the subscription opens, and a window brings at most 10,000 objects. `moreDue` counts the others, which come up
    in the windows that follow as these are handled. Whoever gives reminders to others is also shown what lost its
    assignee, until it is given or done. An empty one, without `after` and only there, says that nothing is due: a window
    that is still open from before is to be closed.
    """

    reminders: list[Reminder] = held(
        Level.MEMBER,
        "What is due, the longest due first, at most 500, and as many as the selection can afford.",
        "Reminder",
        many=True,
        rest="more_due",
    )
    more_due: int = strawberry.field(
        description="How many more are due than are shown. Of very many the first 10,000 are counted, those shown among them."
    )
    unassigned: list[Reminder] = held(
        Level.MEMBER,
        "What is due, is nobody's, and the viewer can give to somebody (reminderReassign): the longest due first, at most 50, and "
        "as many as the selection can afford.",
        "Reminder",
        many=True,
        rest="more_unassigned",
    )
    more_unassigned: int = strawberry.field(
        description="How many more are due that are nobody's, counted up to 10,000 together. An admin's counts also those whose "
        "contact nobody sees who could give them to somebody: a division more (employeeUpdate) shows them."
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

    open_count: int = strawberry.field(
        description="How many open reminders the viewer has, due or not, with those of nobody that they can give to somebody "
        "(an admin: all of the project that are nobody's), counted up to 10,000."
    )
    due_count: int = strawberry.field(
        description="How many of them are due, counted up to 10,000: with `popupsOff` nothing else tells of them."
    )
    popups_off: bool = strawberry.field(
        description="True if no window opens, whatever is due: the employee's `reminderIntervalMinutes` is null."
    )


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

    Whatever comes may come again after a reconnection with `after`, in the same order, and nothing is left out. Without
    `after` the first event is one ReminderPopup with what is due, or with no reminder if nothing is, so that a window which
    stayed open from before closes; where pop-ups are off, there is none.
    """
    context = info.context
    viewer = await _viewer_now(context)
    with feed_watch.seat(context.hub, viewer.employee_id) as seat:
        context.wake = seat.ring
        reading = Reading(context, context.cursor_key, seat)
        async for event in reading.backlog(None if after is strawberry.UNSET else after):
            yield event
        yield await reading.going_live()
        while True:
            async for event in reading.new_events(replayed=False):
                yield event
            while not await seat.wait():
                if seat.is_silent:
                    yield await reading.heartbeat()


@dataclass(slots=True)
class Reading:
    """One subscription: how far it has read is its seat's number."""

    context: Context
    key: bytes
    seat: Seat

    async def backlog(self, after: str | None) -> AsyncIterator[ReminderFeedEvent]:
        """What a client that has seen everything up to `after` is told first."""
        state = await self._state()
        if after is not None:
            number = feed.number_of(self.key, self.seat.employee_id, after)
            reason = feed.why_not_from(number, state)
            if reason is None and number is not None:
                self.seat.number = number
                async for event in self.new_events(replayed=True):
                    yield event
                return
        self.seat.number = state.last_number
        place = self._at(state.server_time)
        if after is not None:
            yield ReminderFeedReset(reset_reason=reason or ReminderResetReason.CURSOR_UNKNOWN, **place)
        if state.repeat_minutes is not None:
            yield _popup(
                state.due,
                state.more_due,
                state.unassigned.shown,
                state.unassigned.more,
                repeat_minutes=state.repeat_minutes,
                replayed=True,
                **place,
            )

    async def going_live(self) -> ReminderFeedLive:
        state = await self._state()
        return ReminderFeedLive(
            open_count=state.open_count,
            due_count=state.due_with_unassigned,
            popups_off=state.repeat_minutes is None,
            **self._at(state.server_time),
        )

    async def _state(self) -> FeedState:
        return await feed_states.state_of(await _viewer_now(self.context))

    async def heartbeat(self) -> ReminderHeartbeat:
        await _viewer_now(self.context)
        self.seat.beat()
        return ReminderHeartbeat(**self._at(await feed_pages.clock()))

    async def new_events(self, *, replayed: bool) -> AsyncIterator[ReminderFeedEvent]:
        """What the log has after the place that was read last, to its end, by the viewer's rights at each event."""
        is_at_end = False
        while not is_at_end:
            page = await self.context.read_as_viewer(Permission.REMINDER_OWN, self._page)
            viewer, is_at_end = self.context.viewer, page.is_last
            for place, news in enumerate(page.news):
                if (place and page.is_stale) or await _viewer_now(self.context) != viewer:
                    is_at_end = False
                    break
                self.seat.number = news.number
                if event := self._shown(news, replayed, self._at(page.server_time)):
                    yield event

    async def _page(self, viewer: Member) -> Page:
        return await feed_pages.page_after(viewer, self.seat.number)

    def _shown(self, news: News, replayed: bool, place: dict[str, Any]) -> ReminderFeedEvent | None:
        """None for a pop-up of which nothing is left."""
        if news.closed_reason is not None:
            assert news.reminder_id is not None
            return ReminderClosed(
                reminder_id=strawberry.ID(global_id("Reminder", news.reminder_id)),
                closed_reason=news.closed_reason,
                snoozed_until=news.snoozed_until,
                **place,
            )
        if not (news.reminder_ids or news.unassigned_ids or news.more_unassigned):
            return None
        assert news.repeat_minutes is not None
        return _popup(
            news.reminder_ids,
            news.more_due,
            news.unassigned_ids,
            news.more_unassigned,
            repeat_minutes=news.repeat_minutes,
            replayed=replayed,
            **place,
        )

    def _at(self, server_time: datetime | None) -> dict[str, Any]:
        cursor = feed.cursor_of(self.key, self.seat.employee_id, self.seat.number)
        return {"cursor": cursor, "server_time": server_time}


def _popup(due: Any, more_due: int, unassigned: Any, more_unassigned: int, **rest: Any) -> ReminderPopup:
    """`due` and `unassigned`: ids, which are held: shown as the rows that have them."""
    return ReminderPopup(
        reminders=due,
        more_due=more_due,
        unassigned=unassigned,
        more_unassigned=more_unassigned,
        **rest,
    )


async def _viewer_now(context: Context) -> Member:
    """Before every event: rights change under a subscription. Raises Unauthenticated or Forbidden, which end it."""
    viewer = await context.refresh()
    viewer.require(Permission.REMINDER_OWN)
    if not isinstance(viewer, Member):
        raise Level.MEMBER.refusal(viewer)
    return viewer

"""The moments at which a worker of the tests kills or freezes itself: named points in mail and windows.

Each is a function of the application that is wrapped: nothing in `app` knows of it.
"""

import asyncio
import inspect
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from app import jobs
from app.integrations.smtp import _Delivery
from app.jobs import UnitOfWork
from app.services import email_delivery, popup_windows, reminder_log
from app.workers.reminders import OPENING

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class CrashPoint:
    """A call of `owner.name` with arguments that match: before it, or after it returned."""

    owner: Any
    name: str
    is_after: bool = False
    matches: Callable[[Arguments], bool] = lambda _: True

    def arm(self, strike: Callable[[], None]) -> None:
        """`strike` is called at every passage. Raises AttributeError if there is no such function any more."""
        original = getattr(self.owner, self.name)
        wrapped = self._asynchronous if inspect.iscoroutinefunction(original) else self._plain
        setattr(self.owner, self.name, wrapped(original, strike))

    def _asynchronous(self, original: Any, strike: Callable[[], None]) -> Any:
        @wraps(original)
        async def struck(*arguments: Any, **named: Any) -> Any:
            hits = self._is_it(arguments)
            if hits and not self.is_after:
                strike()
            answer = await original(*arguments, **named)
            if hits and self.is_after:
                strike()
            return answer

        return struck

    def _plain(self, original: Any, strike: Callable[[], None]) -> Any:
        """After it means two turns of the loop later: what was written has left the process by then."""

        @wraps(original)
        def struck(*arguments: Any, **named: Any) -> Any:
            hits = self._is_it(arguments)
            if hits and not self.is_after:
                strike()
            answer = original(*arguments, **named)
            if hits and self.is_after:
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, strike)
            return answer

        return struck

    def _is_it(self, arguments: Arguments) -> bool:
        return self.matches(arguments[1:] if isinstance(self.owner, type) else arguments)


def _opens_windows(given: Arguments) -> bool:
    """Is this unit of work one that opened windows, and tells so now? Housekeeping and empty rounds are not."""
    work: UnitOfWork = given[0]
    return work.origin is not None and work.origin.action == OPENING and bool(work.rings)


#: In the order in which a mail and a window pass them, each once.
MAIL_POINTS: Mapping[str, CrashPoint] = {
    "mail_after_claim": CrashPoint(email_delivery, "hand_over"),
    "mail_before_connect": CrashPoint(_Delivery, "_connect"),
    "mail_before_data": CrashPoint(_Delivery, "_deliver"),
    "mail_inside_data": CrashPoint(_Delivery, "_ask_whether_to_end"),
    "mail_before_dot": CrashPoint(_Delivery, "_send_dot"),
    "mail_after_dot": CrashPoint(_Delivery, "_send_dot", is_after=True),
    "mail_before_record": CrashPoint(email_delivery, "record"),
    "mail_before_quit": CrashPoint(_Delivery, "say_goodbye"),
}
WINDOW_POINTS: Mapping[str, CrashPoint] = {
    "window_after_claim": CrashPoint(popup_windows, "look"),
    "window_after_events": CrashPoint(
        reminder_log, "tell_popups", is_after=True, matches=lambda given: bool(given[0])
    ),
    "window_after_commit": CrashPoint(jobs, "_deliver", matches=_opens_windows),
}
POINTS: Mapping[str, CrashPoint] = {**MAIL_POINTS, **WINDOW_POINTS}


def arm(name: str, passage: int, how: signal.Signals) -> None:
    """At this passage of the point, counted from 1, the process sends itself the signal."""
    left = passage

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), how)

    POINTS[name].arm(strike)

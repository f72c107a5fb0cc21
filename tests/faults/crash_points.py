"""The moments at which a worker of the tests kills or freezes itself: named points in mail and windows.

Each is a function of the application, or of the SMTP client, that is wrapped: nothing in `app` knows of it.
"""

import asyncio
import inspect
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from aiosmtplib import SMTP
from aiosmtplib.protocol import SMTPProtocol

from app import jobs
from app.services import email_delivery, popup_firing, reminder_log

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
        """Two turns of the loop after it: what was written has left the process by then."""

        @wraps(original)
        def struck(*arguments: Any, **named: Any) -> Any:
            answer = original(*arguments, **named)
            if self._is_it(arguments):
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, strike)
            return answer

        return struck

    def _is_it(self, arguments: Arguments) -> bool:
        return self.matches(arguments[1:] if isinstance(self.owner, type) else arguments)


#: In the order in which a mail and a window pass them.
MAIL_POINTS: Mapping[str, CrashPoint] = {
    "mail_after_claim": CrashPoint(email_delivery, "hand_over"),
    "mail_before_connect": CrashPoint(SMTP, "connect"),
    "mail_before_data": CrashPoint(SMTP, "execute_command", matches=lambda given: given[:1] == (b"DATA",)),
    "mail_after_dot": CrashPoint(SMTPProtocol, "write", matches=lambda given: given[0].endswith(b".\r\n")),
    "mail_before_record": CrashPoint(email_delivery, "record"),
    "mail_before_quit": CrashPoint(SMTP, "quit"),
}
WINDOW_POINTS: Mapping[str, CrashPoint] = {
    "window_after_claim": CrashPoint(popup_firing, "_look"),
    "window_after_events": CrashPoint(reminder_log, "tell_popups", is_after=True),
    "window_after_commit": CrashPoint(jobs, "_deliver"),
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

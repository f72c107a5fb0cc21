"""Looking a company up in the business register, to fill base data in."""

import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from uuid import UUID

from app import formats
from app.config import Settings
from app.errors import BadUserInput, RateLimited, ServiceUnavailable
from app.integrations.ares import Cache, Company, CompanyRegister, VatRegistration
from app.policy import AccountViewer
from app.text import shown

__all__ = ["VatRegistration", "lookup", "register_open"]

MOST_A_MINUTE = 30
A_MINUTE_S = 60.0
CANNOT_CONFIRM = (
    "The business register (ARES) does not answer, so this IČO cannot be confirmed. Leave it out for now, or try again in a "
    "minute."
)

_register: CompanyRegister | None = None
_asked: dict[UUID, deque[float]] = {}
#: What the register said of an IČO within `asked_about`: whether it has it.
_answer: ContextVar[tuple[str, bool] | None] = ContextVar("company_register_answer", default=None)


class RegisterNeeded(Exception):
    """Whether this IČO is kept depends on the register, which nobody asks inside a transaction: see `asked_about`."""

    def __init__(self, ico: str) -> None:
        super().__init__(ico)
        self.ico = ico


@asynccontextmanager
async def register_open(settings: Settings, cache: Cache | None) -> AsyncIterator[None]:
    """This process can look companies up for the length of the block."""
    global _register
    register = CompanyRegister(settings.ares_url, timeout_s=settings.ares_timeout_s, cache=cache)
    _register = register
    try:
        yield
    finally:
        _register = None
        await register.aclose()


async def lookup(viewer: AccountViewer, ico: str) -> Company | None:
    """The company with this IČO as typed, None if there is none. Takes seconds: never inside a transaction.

    A wrong check digit is no reason not to ask: the register has such numbers. Raises BadUserInput for what has not
    the form of an IČO (the register is not asked), RateLimited beyond 30 a minute of one account in this process (the
    register allows 500 to all of us), ServiceUnavailable if it does not answer.
    """
    try:
        number = formats.ico_digits(ico)
    except ValueError as fault:
        raise BadUserInput(str(fault)) from None
    if _register is None:
        raise ServiceUnavailable("This process is not connected to the business register.")
    _require_patience(viewer.account_id)
    return await _register.lookup(number)


@asynccontextmanager
async def asked_about(viewer: AccountViewer, ico: str) -> AsyncIterator[None]:
    """Asks the register, outside any transaction; within the block its answer is known."""
    try:
        found = await lookup(viewer, ico)
    except ServiceUnavailable as away:
        raise ServiceUnavailable(CANNOT_CONFIRM) from away
    token = _answer.set((ico, found is not None))
    try:
        yield
    finally:
        _answer.reset(token)


def not_denied(ico: str) -> str:
    """The eight digits. Raises ValueError if the register was asked and does not have them."""
    if _answer.get() == (ico, False):
        raise ValueError(
            f"The register has no company with the IČO {shown(ico)}. Look for a mistyped or swapped digit."
        )
    return ico


def require_asked(ico: str) -> None:
    """Raises RegisterNeeded if the register was not asked about this one: when nothing else is to be mended any more."""
    if _answer.get() != (ico, True):
        raise RegisterNeeded(ico)


def _require_patience(account_id: UUID) -> None:
    """Keeps one account from using up what the register allows us."""
    now = time.monotonic()
    for idle in [each for each, asked in _asked.items() if asked[-1] <= now - A_MINUTE_S]:
        del _asked[idle]
    asked = _asked.setdefault(account_id, deque(maxlen=MOST_A_MINUTE))
    if len(asked) == MOST_A_MINUTE and asked[0] > now - A_MINUTE_S:
        wait_s = math.ceil(asked[0] + A_MINUTE_S - now)
        raise RateLimited("The register is asked too often. Wait a minute.", retry_after_s=wait_s)
    asked.append(now)

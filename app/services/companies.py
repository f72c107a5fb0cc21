"""Looking a company up in the business register, to fill base data in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import formats
from app.config import Settings
from app.errors import BadUserInput, ServiceUnavailable
from app.integrations.ares import Cache, Company, CompanyRegister

_register: CompanyRegister | None = None


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


async def lookup(ico: str) -> Company | None:
    """The company with this IČO as typed, None if there is none. Takes seconds: never inside a transaction.

    Raises BadUserInput for what cannot be an IČO (the register is not asked), ServiceUnavailable if it does not answer.
    """
    try:
        number = formats.ico(ico)
    except ValueError as fault:
        raise BadUserInput(str(fault)) from None
    if _register is None:
        raise ServiceUnavailable("This process is not connected to the business register.")
    return await _register.lookup(number)

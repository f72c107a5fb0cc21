"""Times have one precision, milliseconds: they are kept, compared and shown in it.

Cut, never rounded: nothing lies in the future that does not. The cut is made where a time enters: read from the
database's clock, sent by a client, or given to a driver as a parameter.
"""

from datetime import UTC, datetime

_MICROSECONDS = 1_000
#: SQLite's clock as text that equals and sorts as `stored_text`: it knows milliseconds, and whole seconds have no fraction.
_SQLITE_CLOCK = "replace(strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'{modifier}), '.000000', '')"


def cut(at: datetime) -> datetime:
    """The millisecond in which it lies."""
    beyond = at.microsecond % _MICROSECONDS
    return at.replace(microsecond=at.microsecond - beyond) if beyond else at


def stored_text(at: datetime) -> str:
    """As SQLite keeps times: always in UTC, so that texts sort as the times do. Raises ValueError without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return cut(at).astimezone(UTC).isoformat(" ")


def sqlite_clock(modifier: str = "") -> str:
    """SQL for SQLite's clock as times are stored; `modifier` is one of its functions' own: `-5 seconds`."""
    return _SQLITE_CLOCK.format(modifier=f", '{modifier}'" if modifier else "")


def postgres_cut(expression: str) -> str:
    """SQL for the millisecond in which a time of PostgreSQL lies."""
    return f"date_trunc('milliseconds', {expression})"

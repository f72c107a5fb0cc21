"""Time zones by their IANA names."""

import zoneinfo
from functools import cache

from app.text import clean_visible, shown


def time_zone(value: str) -> str:
    """The name of an IANA zone, as `Europe/Prague`."""
    name = clean_visible(value, 100)
    if name not in _time_zones():
        raise ValueError(f"{shown(value)} is not a time zone. Use a name as Europe/Prague or UTC.")
    return name


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")

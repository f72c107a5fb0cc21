"""Bare values of a register's JSON. Whatever is missing or not as expected becomes None."""

from datetime import date


def read_text(value: object, max_length: int) -> str | None:
    """One clean line; numbers are taken as text. None if nothing is left."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    visible = "".join(
        character if character.isprintable() else " " for character in str(value)[: 4 * max_length]
    )
    return " ".join(visible.split())[:max_length] or None


def read_date(value: object) -> date | None:
    """Of a date, or of a moment that begins with one."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None

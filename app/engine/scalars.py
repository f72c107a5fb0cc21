"""Scalars of the API, each with a specification. What a person typed is checked by services, which can name its path;
so the string scalars accept any string here and only promise their format on the way out."""

import re
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from app import times

EmailAddress = NewType("EmailAddress", str)
PhoneNumber = NewType("PhoneNumber", str)
Url = NewType("Url", str)
TimeZone = NewType("TimeZone", str)
Decimal = NewType("Decimal", str)

RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
RFC_3339_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def format_datetime(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`, always UTC, always three digits."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _written(given: datetime | str) -> str:
    """Rows come with their times written already."""
    return given if isinstance(given, str) else format_datetime(given)


def parse_datetime(given: Any) -> datetime:
    """RFC 3339 with an offset, cut to milliseconds. Raises GraphQLError, which clients see as BAD_USER_INPUT."""
    if isinstance(given, str) and RFC_3339.fullmatch(given):
        try:
            return times.cut(datetime.fromisoformat(given.upper()).astimezone(UTC))
        except (ValueError, OverflowError):
            pass  # such as 30 February or the year 0: the sentence below fits these too
    raise GraphQLError("A DateTime is written as in RFC 3339, with an offset: 2026-11-24T09:30:00+01:00.")


def parse_date(given: Any) -> date:
    """A day as in RFC 3339. Raises GraphQLError, which clients see as BAD_USER_INPUT."""
    if isinstance(given, str) and RFC_3339_DAY.fullmatch(given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass  # such as 30 February or the year 0: the sentence below fits these too
    raise GraphQLError("A Date is written as in RFC 3339: 2026-11-24.")


def parse_string(given: Any) -> str:
    """Any string; its format is checked where the path to it is known."""
    if not isinstance(given, str):
        raise GraphQLError("A string is wanted here.")
    return given


def _text(name: str, description: str, url: str) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, specified_by_url=url, serialize=str, parse_value=parse_string
    )


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as in RFC 3339, in milliseconds. Out always `YYYY-MM-DDTHH:MM:SS.mmmZ`; in with any offset, never "
        "without, and what is finer is cut off.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_written,
        parse_value=parse_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day as in RFC 3339, without a time: `YYYY-MM-DD`.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=date.isoformat,
        parse_value=parse_date,
    ),
    EmailAddress: _text(
        "EmailAddress",
        "An e-mail address.",
        "https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address",
    ),
    PhoneNumber: _text(
        "PhoneNumber", "A phone number, out in E.164: +420605123456.", "https://www.itu.int/rec/T-REC-E.164"
    ),
    Url: _text("URL", "A web address, http or https.", "https://url.spec.whatwg.org/"),
    TimeZone: _text(
        "TimeZone",
        "A time zone of the IANA database: Europe/Prague.",
        "https://www.rfc-editor.org/rfc/rfc6557",
    ),
    Decimal: _text(
        "Decimal",
        'An exact decimal number as a string: "1234.50".',
        "https://www.rfc-editor.org/rfc/rfc8259#section-6",
    ),
}

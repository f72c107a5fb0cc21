"""What a person might type into the fields of a mutation, by the names of the fields; and what nobody should."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from graphql import GraphQLEnumType

from tests.differential.words import CITIES, NAMES, TEXTS, WORDS

WRONG: Sequence[str] = ("", " ", "x" * 600, "nul\u0000", "a\r\nb: c", "<b>", "'; --")

_TEXTS: Mapping[str, Sequence[str]] = {
    "name": NAMES,
    "campaign": ("Kampaň 0", "Jaro"),
    "email": ("jan@example.cz", "nova@example.cz", "everywhere@example.cz", "novacek@example.cz", "není"),
    "to": ("jan@example.cz", "znamy@example.cz", "x@y.cz"),
    "ico": ("27082440", "00006947", "25596641", "12345678"),
    "registrationNumber": ("HRB 86891", "KRS 1"),
    "registrationCountry": ("DE", "PL", "XX"),
    "vatId": ("CZ27082440", "CZ00006947", "CZ1"),
    "taxNumber": ("2020317068", "8001011234"),
    "phone": ("+420605123456", "605 123 456", "12"),
    "web": ("https://example.cz", "example.cz", "ftp://x"),
    "bankAccount": ("19-2000145399/0800", "1/1"),
    "priceLevel": ("A", "B"),
    "street": ("Dlouhá 1",),
    "city": CITIES,
    "postalCode": ("60200", "602 00", "x"),
    "country": ("CZ", "SK", "XX"),
    "timeZone": ("Europe/Prague", "Mars/Olympus"),
    "token": ("a" * 43, "nic"),
    "new": ("nove heslo", "kr"),
    "password": ("spravne heslo",),
    "idempotencyKey": ("tajny-klic", "klic-1", "klic-2"),
    "summary": WORDS,
    "title": WORDS,
    "subject": WORDS,
    "legalForm": ("s. r. o.",),
    "currency": ("CZK", "EUR"),
}
_OTHERS: Mapping[str, Sequence[Any]] = {
    "Int": (1, 2, 3, 5, 15, 60, 0, -1, 9_999),
    "Boolean": (True, False),
    "Decimal": ("0", "12.50", "-1"),
    "DateTime": (
        "2026-03-02T15:00:00Z",
        "2026-03-02T10:00:00Z",
        "2026-03-09T08:30:00+01:00",
        "2099-01-01T00:00:00Z",
        "1999-01-01T00:00:00Z",
    ),
}


def typed(name: str, type_: Any) -> Sequence[Any]:
    """Values for a field of this name and type, mostly right ones."""
    if type_.name in _OTHERS:
        return _OTHERS[type_.name]
    return _TEXTS.get(name, TEXTS)


def is_of_type(type_: Any, value: Any) -> bool:
    """May the value stand where this type is expected?"""
    if isinstance(type_, GraphQLEnumType):
        return isinstance(value, str) and value in type_.values
    match type_.name, value:
        case "String", str():
            return True
        case "Int", int():
            return -(2**31) <= value < 2**31
        case "Decimal", int():
            return True
        case "DateTime", str():
            return _is_moment(value)
    return False


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False

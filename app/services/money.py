"""Amounts of money: `{"amount": "1234.50", "currency": "CZK"}` outside, whole minor units (haléře) inside."""

import re
from typing import Any

from app.errors import FaultCode, Invalid
from app.text import shown
from app.validation import fields, nullable

CURRENCY = "CZK"
LARGEST_MINOR = 10**15
_AMOUNT = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,2}))?", re.ASCII)


def amount_of(minor: int) -> str:
    """Minor units, never negative, as an exact decimal number with two places."""
    whole, rest = divmod(minor, 100)
    return f"{whole}.{rest:02d}"


def minor_units(value: Any) -> int:
    """The validation rule of an amount that is not negative: its minor units."""
    return int(_money(value)["amount"])


def _minor(value: Any) -> int:
    found = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Invalid.at((), f"{shown(str(value))} is not an amount. Write it as 1234.50.")
    sign, whole, rest = found.groups(default="")
    minor = int(whole) * 100 + int(rest.ljust(2, "0"))
    if sign or minor > LARGEST_MINOR:
        sentence = f"{shown(value)} is out of range. Enter an amount from 0 to {amount_of(LARGEST_MINOR)}."
        raise Invalid.at((), sentence, FaultCode.OUT_OF_RANGE)
    return minor


def _currency(value: Any) -> str:
    if value != CURRENCY:
        raise Invalid.at((), f"{shown(str(value))} is not a currency we keep amounts in. Use {CURRENCY}.")
    return CURRENCY


_money = fields({"amount": _minor, "currency": nullable(_currency)}, required=("amount",))

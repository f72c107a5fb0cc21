"""Telephone numbers."""

import re

import phonenumbers

from app.text import clean_line, shown

_PHONE = re.compile(r"\+?[0-9()\s./\u2010-\u2013-]{3,40}")
_ADVICE = "Write it with its country's code, as +420 777 123 456."


def phone_number(value: str, country: str) -> str:
    """E.164, as `+420777123456`. Without a country's code it is read as people in `country` write it, or refused.

    Extensions are refused, not dropped.
    """
    typed = clean_line(value, 100).removeprefix("tel:")
    if not _PHONE.fullmatch(typed):
        raise ValueError(f"{shown(value)} is not a phone number. Write digits, as in +420 777 123 456.")
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        raise ValueError(f"{shown(value)} is not a phone number. {_ADVICE}") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"The phone number {shown(value)} does not exist{_where(typed, country)}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _where(typed: str, country: str) -> str:
    if typed.startswith(("+", "00")):
        return ". Check its digits and country code."
    return f" in {country}. Check its digits; if it is of another country, begin with that country's code."

"""Telephone numbers."""

import re

import phonenumbers

from app.text import clean_line, shown

_PHONE = re.compile(r"\+?[0-9()\s./\u2010-\u2013-]{3,40}")


def phone_number(value: str) -> str:
    """E.164, as `+420777123456`; a number without a country code is Czech. Extensions are refused, not dropped."""
    typed = clean_line(value, 100).removeprefix("tel:")
    if not _PHONE.fullmatch(typed):
        raise ValueError(f"{shown(value)} is not a phone number. Write digits, as in +420 777 123 456.")
    try:
        number = phonenumbers.parse(typed, "CZ")
    except phonenumbers.NumberParseException:
        raise ValueError(f"{shown(value)} is not a phone number. Write it as +420 777 123 456.") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError(
            f"The phone number {shown(value)} does not exist. Check its digits and country code."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

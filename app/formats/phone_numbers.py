"""Telephone numbers."""

import re

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneMetadata, PhoneNumber

from app.text import clean_visible, shown

_PHONE = re.compile(r"\+?[0-9()\s./\u2010-\u2013-]{3,40}")
_LABEL = re.compile(r"(?:tel(?:efon)?|mob(?:il)?|phone)[.:]*\s*", re.IGNORECASE)
#: An international prefix in brackets: (+48) 22 607 70 00.
_BRACKETS = re.compile(r"\(\s*((?:\+|00)[0-9 ]{1,5})\)")
_EXTENSION = re.compile(r"[0-9)][\s,;]*(?:#|[^\W\d_]+)[\s.:=]*[0-9]{1,7}")
_FULL_WIDTH = {0xFEE0 + code: code for code in map(ord, "+0123456789()-")}
_ADVICE = "Write it with its country's code, as +420 777 123 456."
#: So many digits and more begin with a country's code, as often as not, even where nobody dials a 0 first.
_INTERNATIONAL_DIGITS = 11


def phone_number(value: str, country: str) -> str:
    """E.164, as `+420777123456`. Without a country's code it is read as people in `country` write it, or refused.

    Refused too is what may be read in two ways: digits that are a number of `country` if it is written without its
    first 0, and another country's if a plus is missing. Extensions are refused, not dropped.
    """
    typed = _BRACKETS.sub(r"\1 ", _LABEL.sub("", clean_visible(value, 100).translate(_FULL_WIDTH), 1), 1)
    if not _PHONE.fullmatch(typed):
        raise ValueError(f"{shown(value)} is not a phone number. {_advice_on(typed)}")
    number = _parsed(typed, country)
    if number is None:
        raise ValueError(f"{shown(value)} is not a phone number. {_ADVICE}")
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"The phone number {shown(value)} does not exist{_where(typed, country)}")
    if _lacks_a_plus(typed, number, country):
        raise ValueError(
            f"The phone number {shown(value)} may be one of {country} or of another country. "
            "Begin with + and the country's code."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(typed: str, country: str) -> PhoneNumber | None:
    """00 stands for the plus everywhere, also where people dial something else, unless such a number is at home there."""
    own = _parse(typed, country)
    if not typed.startswith("00") or _is_national(own):
        return own
    abroad = _parse(f"+{typed[2:]}", country)
    return abroad if abroad and phonenumbers.is_valid_number(abroad) else own


def _parse(typed: str, country: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None


def _is_national(number: PhoneNumber | None) -> bool:
    """Whether it was read as one of the country, without any code."""
    if number is None or not phonenumbers.is_valid_number(number):
        return False
    return bool(number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY)


def _lacks_a_plus(typed: str, number: PhoneNumber, country: str) -> bool:
    digits = re.sub(r"[^0-9]", "", typed)
    if not _is_national(number) or typed.startswith(("0", "(")):
        return False
    rules = PhoneMetadata.metadata_for_region(country)
    dials_0 = rules is not None and rules.national_prefix == "0"
    if not dials_0 and len(digits) < _INTERNATIONAL_DIGITS:
        return False
    abroad = _parse(f"+{digits}", country)
    return abroad is not None and phonenumbers.is_valid_number(abroad)


def _advice_on(typed: str) -> str:
    if _EXTENSION.search(typed):
        return "Leave the extension out: it belongs into a note."
    return "Write digits, as in +420 777 123 456."


def _where(typed: str, country: str) -> str:
    if typed.startswith(("+", "00")):
        return ". Check its digits and country code."
    return f" in {country}. Check its digits; if it is of another country, begin with that country's code."

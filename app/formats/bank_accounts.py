"""Bank accounts. Source of the Czech form, which Slovakia shares: ČNB decree 169/2011 Coll."""

import re

from stdnum import iban, numdb
from stdnum.cz import bankaccount
from stdnum.exceptions import ValidationError

from app.formats.blanks import compact
from app.text import clean_visible, shown

LONGEST_ACCOUNT = 40
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_NATIONAL = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{2,10})/([0-9]{4})")
_WITHOUT_IBAN = re.compile(r"[A-Z0-9 ./:-]*[0-9][A-Z0-9 ./:-]*", re.IGNORECASE)
_LABEL = re.compile(r"^IBAN:?")
_HYPHENS = re.compile(r"[\u2010-\u2013]")
#: In the register of IBANs, and paid within the country by other numbers: British sort codes, Russian twenty digits.
_ALSO_NATIONAL = frozenset(("BR", "GB", "IL", "MN", "RU"))
_NATIONAL_DIGITS = re.compile(r"[0-9./-]{6,30}")
_WEIGHTS = (6, 3, 7, 9, 10, 5, 8, 4, 2, 1)


def bank_account(value: str, country: str) -> str:
    """An IBAN without blanks, of any country; a Czech account also as `19-2000145399/0800` without leading zeros.

    An account of another country is never read as a Czech one: a Slovak one in that form becomes its IBAN, and what is
    typed for a country with IBANs must be one. Countries without them have accounts of many forms, kept as typed; so
    are the digits alone where banks have numbers of their own besides.
    """
    typed = _LABEL.sub("", _HYPHENS.sub("-", compact(value).upper()))
    close = typed.replace("-", "")
    if _IBAN.fullmatch(close):
        return _iban(close, value)
    found = _NATIONAL.fullmatch(typed)
    if found and country == "CZ":
        return _czech(*found.groups(default=""), typed=value)
    if found and country == "SK":
        return _slovak(*found.groups(default=""), typed=value)
    if not found and not _has_ibans(country):
        return _as_typed(value)
    if _IBAN.fullmatch(f"{country}{close}") and iban.is_valid(f"{country}{close}", check_country=False):
        return f"{country}{close}"  # as Poles write theirs
    if not found and country in _ALSO_NATIONAL and _NATIONAL_DIGITS.fullmatch(typed):
        return _as_typed(value)
    if country == "CZ":
        advice = "Write it as 19-2000145399/0800, or as an IBAN beginning CZ."
    elif _has_ibans(country):
        advice = f"Write it as an IBAN, beginning {country} or with the country of the bank."
    else:
        advice = "This looks like a Czech one: write its IBAN."
    raise ValueError(f"{shown(value)} is not an account. {advice}")


def _has_ibans(country: str) -> bool:
    return bool(numdb.get("iban").info(country)[0][1])


def _as_typed(value: str) -> str:
    typed = _HYPHENS.sub("-", clean_visible(value, LONGEST_ACCOUNT))
    if typed and not _WITHOUT_IBAN.fullmatch(typed):
        raise ValueError(f"{shown(value)} is not an account. Write its digits, and an IBAN if it has one.")
    return typed


def _iban(number: str, typed: str) -> str:
    """A Czech one is checked as the account inside it too: modulo 97 alone lets impossible accounts through."""
    try:
        iban.validate(number, check_country=False)
    except ValidationError:
        raise ValueError(
            f"The IBAN {shown(typed)} is not valid. Look for a mistyped or swapped digit."
        ) from None
    if number.startswith("CZ"):
        if not re.fullmatch(r"CZ[0-9]{22}", number):
            raise ValueError(f"The IBAN {shown(typed)} is not valid. A Czech one has CZ and 22 digits.")
        _czech(number[8:14], number[14:], number[4:8], typed=typed)
    return number


def _czech(prefix: str, number: str, bank: str, *, typed: str) -> str:
    _require_digits(number, typed)
    padded = f"{prefix.zfill(6)}-{number.zfill(10)}/{bank}"
    try:
        bankaccount.validate(padded)
    except ValidationError:
        raise ValueError(
            f"The account {shown(typed)} does not exist. Check its digits and the four digits of the bank."
        ) from None
    prefix, number = prefix.lstrip("0"), number.lstrip("0")
    return f"{prefix}-{number}/{bank}" if prefix else f"{number}/{bank}"


def _slovak(prefix: str, number: str, bank: str, *, typed: str) -> str:
    """The IBAN: in the form it shares with Czech accounts it would be taken for one elsewhere."""
    _require_digits(number, typed)
    if _remainder(prefix) or _remainder(number):
        raise ValueError(f"The account {shown(typed)} does not exist. Check its digits, or write its IBAN.")
    inside = f"{bank}{prefix.zfill(6)}{number.zfill(10)}"
    return f"SK{iban.calc_check_digits(f'SK00{inside}')}{inside}"


def _require_digits(number: str, typed: str) -> None:
    if len(number.replace("0", "")) < 2:
        raise ValueError(f"The account {shown(typed)} is empty. Its number needs two digits other than zero.")


def _remainder(digits: str) -> int:
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits.zfill(10), strict=True)) % 11

"""Numbers that registers and tax offices give to firms. Source of the IČO's check digit: Act 304/2013 Coll."""

import re

from app.formats.blanks import compact
from app.text import clean_visible, shown

LONGEST_NUMBER = 50
#: Where every firm has an IČO, and no other number of a register.
COUNTRIES_WITH_ICO = frozenset(("CZ", "SK"))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2)


def ico(value: str, country: str = "CZ") -> str:
    """An IČO: eight ASCII digits with the right check digit, in Czechia and Slovakia, which count it alike.

    A shorter Czech one is padded with zeros; nothing of another country ever is.
    """
    if country not in COUNTRIES_WITH_ICO:
        raise ValueError(
            f"{shown(value)} is no IČO, which firms in {country} do not have. Write it as the registration number. "
            "If the Czech register has it, look it up there and confirm it."
        )
    digits = ico_digits(value, country)
    remainder = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11
    if int(digits[7]) != (11 - remainder) % 10:
        otherwise = " If it is right, look it up in the register and confirm it." if country == "CZ" else ""
        raise ValueError(
            f"The IČO {shown(value)} has a wrong check digit. Look for a mistyped or swapped digit.{otherwise}"
        )
    return digits


def ico_digits(value: str, country: str = "CZ") -> str:
    """The eight digits of an IČO, whatever the last of them is: the register has some with a wrong one."""
    digits = compact(value)
    fewest = 1 if country == "CZ" else 8
    if not re.fullmatch(rf"[0-9]{{{fewest},8}}", digits) or not digits.strip("0"):
        raise ValueError(f"{shown(value)} is not an IČO. An IČO has eight digits; check what you copied.")
    return digits.zfill(8)


def registration_number(value: str) -> str:
    """The number of a firm in a register abroad, as typed: `HRB 86891`, `KRS 0000028860`."""
    return _as_typed(value, "registration number")


def tax_number(value: str, country: str) -> str:
    """What a tax office calls somebody by, as typed; a Slovak DIČ as ten digits.

    It may be a person's birth number: sensitive, keep it out of logs and of what is searched.
    """
    if country != "SK":
        return _as_typed(value, "tax number")
    digits = compact(value)
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise ValueError(
            f"{shown(value)} is not a Slovak DIČ. Write ten digits; with SK before them it is the VAT id (IČ DPH)."
        )
    return digits


def _as_typed(value: str, kind: str) -> str:
    typed = clean_visible(value, LONGEST_NUMBER)
    if typed and not any(character.isalnum() for character in typed):
        raise ValueError(f"{shown(value)} is not a {kind}. Write its letters and digits.")
    return typed

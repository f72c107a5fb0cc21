"""Bank accounts. Source of the Czech form: ČNB decree 169/2011 Coll."""

import re

from stdnum import iban
from stdnum.cz import bankaccount
from stdnum.exceptions import ValidationError

from app.formats.blanks import compact
from app.text import shown

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_CZECH_ACCOUNT = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{2,10})/([0-9]{4})")


def bank_account(value: str) -> str:
    """A Czech account as `19-2000145399/0800` without leading zeros, or an IBAN without blanks.

    A Czech IBAN is checked as the account inside it too: modulo 97 alone lets impossible accounts through.
    """
    typed = compact(value).upper()
    if _IBAN.fullmatch(typed):
        return _iban(typed, value)
    if not (found := _CZECH_ACCOUNT.fullmatch(typed)):
        raise ValueError(
            f"{shown(value)} is not an account. Write it as 19-2000145399/0800, or as an IBAN beginning CZ."
        )
    return _czech_account(*found.groups(default=""), typed=value)


def _iban(number: str, typed: str) -> str:
    try:
        iban.validate(number, check_country=False)
    except ValidationError:
        raise ValueError(
            f"The IBAN {shown(typed)} is not valid. Look for a mistyped or swapped digit."
        ) from None
    if number.startswith("CZ"):
        if not re.fullmatch(r"CZ[0-9]{22}", number):
            raise ValueError(f"The IBAN {shown(typed)} is not valid. A Czech one has CZ and 22 digits.")
        _czech_account(number[8:14], number[14:], number[4:8], typed=typed)
    return number


def _czech_account(prefix: str, number: str, bank: str, *, typed: str) -> str:
    if len(number.replace("0", "")) < 2:
        raise ValueError(f"The account {shown(typed)} is empty. Its number needs two digits other than zero.")
    padded = f"{prefix.zfill(6)}-{number.zfill(10)}/{bank}"
    try:
        bankaccount.validate(padded)
    except ValidationError:
        raise ValueError(
            f"The account {shown(typed)} does not exist. Check its digits and the four digits of the bank."
        ) from None
    prefix, number = prefix.lstrip("0"), number.lstrip("0")
    return f"{prefix}-{number}/{bank}" if prefix else f"{number}/{bank}"

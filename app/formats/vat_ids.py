"""VAT ids. Source of the Czech form: Act 280/2009 Coll. § 130."""

import re

from stdnum.cz import dic
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from app.formats.blanks import compact
from app.text import shown


def vat_id(value: str) -> str:
    """A VAT number of an EU country in compact upper case: `CZ27082440`.

    A Czech one may hold a person's birth number: sensitive, keep it out of logs. That a firm has one does not mean
    that it pays VAT.
    """
    number = re.sub(r"[-/.]", "", compact(value)).upper()
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*]{2,13}", number):
        raise ValueError(f"{shown(value)} is not a VAT number. Begin with the country, as in CZ27082440.")
    try:
        number = "CZ" + dic.validate(number[2:]) if number.startswith("CZ") else vat.validate(number)
    except ValidationError:
        raise ValueError(
            f"The VAT number {shown(value)} is not valid. Check its digits and the country."
        ) from None
    return str(number)

"""Numbers and addresses that have a form: each function takes what a person typed and gives the one form we store.

Each raises ValueError with a sentence that names the value and says what to do. Rules of the Czech numbers: IČO by
Act 304/2013 Coll.'s check digit, DIČ by Act 280/2009 Coll. § 130, accounts by ČNB decree 169/2011 Coll.
"""

import re
import zoneinfo
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum import iban
from stdnum.cz import bankaccount, dic
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from app.text import clean_line, shown

_ICO_WEIGHTS = (8, 7, 6, 5, 4, 3, 2)
_BLANKS = re.compile(r"[ \u00a0\u2007\u202f]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_CZECH_ACCOUNT = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{2,10})/([0-9]{4})")
_PHONE = re.compile(r"\+?[0-9()\s./\u2010-\u2013-]{3,40}")
#: With a port, as some proxies tell it.
_HOST_AND_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
_POSTAL_CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9 -]{0,10}[A-Z0-9])?")

MAX_URL = 2_000
#: An IPv6 address with a zone, brackets and a port, and some.
LONGEST_HOST = 100
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"

# ISO 3166-1 alpha-2, as of 2026.
COUNTRIES = frozenset(
    (  # noqa: SIM905  (a list of 249 literals would fill the file)
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
        "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
        "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
        "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
        "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
        "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
        "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
    ).split()
)


def ico(value: str) -> str:
    """A Czech company number: eight ASCII digits with the right check digit; shorter input is padded with zeros."""
    digits = _compact(value)
    if not re.fullmatch(r"[0-9]{1,8}", digits):
        raise ValueError(f"{shown(value)} is not an IČO. An IČO has eight digits; check what you copied.")
    digits = digits.zfill(8)
    remainder = sum(weight * int(digit) for weight, digit in zip(_ICO_WEIGHTS, digits, strict=False)) % 11
    if int(digits[7]) != (11 - remainder) % 10:
        raise ValueError(
            f"The IČO {shown(value)} has a wrong check digit. Look for a mistyped or swapped digit."
        )
    return digits


def vat_id(value: str) -> str:
    """A VAT number of an EU country in compact upper case: `CZ27082440`.

    A Czech one may hold a person's birth number: sensitive, keep it out of logs. That a firm has one does not mean
    that it pays VAT.
    """
    compact = re.sub(r"[-/.]", "", _compact(value)).upper()
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*]{2,13}", compact):
        raise ValueError(f"{shown(value)} is not a VAT number. Begin with the country, as in CZ27082440.")
    try:
        number = "CZ" + dic.validate(compact[2:]) if compact.startswith("CZ") else vat.validate(compact)
    except ValidationError:
        raise ValueError(
            f"The VAT number {shown(value)} is not valid. Check its digits and the country."
        ) from None
    return str(number)


def bank_account(value: str) -> str:
    """A Czech account as `19-2000145399/0800` without leading zeros, or an IBAN without blanks.

    A Czech IBAN is checked as the account inside it too: modulo 97 alone lets impossible accounts through.
    """
    compact = _compact(value).upper()
    if _IBAN.fullmatch(compact):
        return _iban(compact, value)
    if not (found := _CZECH_ACCOUNT.fullmatch(compact)):
        raise ValueError(
            f"{shown(value)} is not an account. Write it as 19-2000145399/0800, or as an IBAN beginning CZ."
        )
    return _czech_account(*found.groups(default=""), typed=value)


def _iban(compact: str, typed: str) -> str:
    try:
        iban.validate(compact, check_country=False)
    except ValidationError:
        raise ValueError(
            f"The IBAN {shown(typed)} is not valid. Look for a mistyped or swapped digit."
        ) from None
    if compact.startswith("CZ"):
        if not re.fullmatch(r"CZ[0-9]{22}", compact):
            raise ValueError(f"The IBAN {shown(typed)} is not valid. A Czech one has CZ and 22 digits.")
        _czech_account(compact[8:14], compact[14:], compact[4:8], typed=typed)
    return compact


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


def email_address(value: str) -> str:
    """One bare address that any SMTP server takes: the local part as typed, the domain in lower case (ASCII form).

    No name beside it, no quotes, no comment, no list, no bare IP address. Whether it exists is not asked.
    """
    typed = clean_line(value, 1_000)
    try:
        address = validate_email(typed, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise ValueError(
            f"{shown(value)} is not an e-mail address. Write one address, as in jana@firma.cz."
        ) from None
    if address.ascii_email is None or len(address.ascii_email) > 254:
        raise ValueError(
            f"The e-mail address {shown(value)} is too long. At most 254 characters are delivered."
        )
    return address.ascii_email


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


def web_url(value: str) -> str:
    """An http or https address with a public-looking host, in ASCII; https:// is put before what has no scheme.

    Names and passwords inside it, other schemes and bare host names are refused. It is only shown, never fetched.
    """
    typed = clean_line(value, MAX_URL)
    if re.search(r"[\s\\<>\"]", typed):
        raise ValueError(f"{shown(value)} is not a web address. Remove the blanks and quotation marks.")
    if not re.match(r"https?://", typed, re.IGNORECASE):
        if "://" in typed or re.match(r"[a-z][a-z0-9+.-]*:(?![0-9])", typed, re.IGNORECASE):
            raise ValueError(f"{shown(value)} is not a web address. It must begin with https:// or http://.")
        typed = f"https://{typed}"
    try:
        url = _ascii_url(urlsplit(typed))
    except ValueError:
        raise ValueError(f"{shown(value)} is not a web address. Write it as https://www.firma.cz.") from None
    if len(url) > MAX_URL:
        raise ValueError(f"The web address {shown(value)} is too long. Shorten it to {MAX_URL:,} characters.")
    return url


def _ascii_url(url: SplitResult) -> str:
    """Raises ValueError for user information, a bad port and a host without a dot."""
    host = idna.encode((url.hostname or "").removesuffix("."), uts46=True).decode("ascii")
    if "@" in url.netloc or "." not in host or url.port == 0:
        raise ValueError("no host")
    port = "" if url.port is None else f":{url.port}"
    path, query, fragment = (quote(part, safe=_URL_SAFE) for part in (url.path, url.query, url.fragment))
    return urlunsplit((url.scheme.lower(), host + port, path, query, fragment))


def country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code in upper case."""
    code = clean_line(value, 100).upper()
    if code not in COUNTRIES:
        raise ValueError(f"{shown(value)} is not a country's code. Use two letters, as CZ or SK.")
    return code


def postal_code(value: str) -> str:
    """Letters, digits, blanks and hyphens in upper case; five digits written `140 00` (Czech, Slovak) become `14000`."""
    code = _BLANKS.sub(" ", clean_line(value, 100)).upper()
    if not _POSTAL_CODE.fullmatch(code):
        raise ValueError(f"{shown(value)} is not a postal code. Write it as 140 00.")
    return code.replace(" ", "") if re.fullmatch(r"[0-9]{3} ?[0-9]{2}", code) else code


def time_zone(value: str) -> str:
    """The name of an IANA zone, as `Europe/Prague`."""
    name = clean_line(value, 100)
    if name not in _time_zones():
        raise ValueError(f"{shown(value)} is not a time zone. Use a name as Europe/Prague or UTC.")
    return name


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")


def _compact(value: str) -> str:
    return _BLANKS.sub("", clean_line(value, 200))


def ip_address_or_empty(told: str) -> str:
    """The address of a connection's other end, in its one form; empty for what is none.

    A socket may name a path, a proxy a port, a zone, `unknown`, or whatever its own client sent: none of it must keep
    anybody from being served. Raises nothing.
    """
    return _ip_address_or_empty(told) if len(told) <= LONGEST_HOST else ""


@lru_cache(maxsize=2_048)
def _ip_address_or_empty(told: str) -> str:
    host = told.strip()
    if with_port := _HOST_AND_PORT.fullmatch(host):
        host = with_port["v6"] or with_port["v4"] or ""
    try:
        address = ip_address(host.partition("%")[0])  # a zone says something on the proxy's own machine only
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)

"""What is read by a country's rules. Numbers from the countries' own documents and from the tests of python-stdnum."""

from collections.abc import Callable
from typing import Any

import pytest

from app import formats

READ: list[tuple[Callable[..., str], str, str, str]] = [
    (formats.phone_number, "601 234 567", "CZ", "+420601234567"),
    (formats.phone_number, "601 234 567", "PL", "+48601234567"),
    (formats.phone_number, "0905 123 456", "SK", "+421905123456"),
    (formats.phone_number, "030 901820", "DE", "+4930901820"),
    (formats.phone_number, "020 7946 0958", "GB", "+442079460958"),
    (formats.phone_number, "06 698 12345", "IT", "+390669812345"),
    (formats.phone_number, "00420 777 123 456", "PL", "+420777123456"),
    (formats.phone_number, "011 420 777 123 456", "US", "+420777123456"),
    (formats.phone_number, "+420 777 123 456", "AQ", "+420777123456"),
    (formats.postal_code, "602 00", "CZ", "60200"),
    (formats.postal_code, "CZ-602 00", "CZ", "60200"),
    (formats.postal_code, "811 01", "SK", "81101"),
    (formats.postal_code, "00950", "PL", "00-950"),
    (formats.postal_code, "00-950", "PL", "00-950"),
    (formats.postal_code, "10115", "DE", "10115"),
    (formats.postal_code, "1010", "AT", "1010"),
    (formats.postal_code, "123 45", "SE", "12345"),
    (formats.postal_code, "sw1a1aa", "GB", "SW1A 1AA"),
    (formats.postal_code, "1012js", "NL", "1012 JS"),
    (formats.postal_code, "20500", "US", "20500"),
    (formats.postal_code, "205000003", "US", "20500-0003"),
    (formats.postal_code, "ab 1", "KE", "AB 1"),
    (formats.bank_account, "19-2000145399/0800", "CZ", "19-2000145399/0800"),
    (formats.bank_account, "19-8742637541/1200", "SK", "SK3112000000198742637541"),
    (formats.bank_account, "61 1090 1014 0000 0712 1981 2874", "PL", "PL61109010140000071219812874"),
    (formats.bank_account, "DE89 3704 0044 0532 0130 00", "US", "DE89370400440532013000"),
    (formats.bank_account, "021000021 12345678", "US", "021000021 12345678"),
    (formats.ico, "35 763 469", "SK", "35763469"),
    (formats.ico, "177041", "CZ", "00177041"),
    (formats.tax_number, "2020 317 068", "SK", "2020317068"),
    (formats.tax_number, " 856-734-62-15 ", "PL", "856-734-62-15"),
    (formats.vat_id, "GB 980 7806 84", "GB", "GB980780684"),
    (formats.vat_id, "XI 110 3058 78", "GB", "XI110305878"),
    (formats.vat_id, "CHE-107.787.577 MWST", "CH", "CHE107787577MWST"),
    (formats.vat_id, "CHE-107.787.577 TVA", "CH", "CHE107787577TVA"),
    (formats.vat_id, "che107787577iva", "CH", "CHE107787577IVA"),
    (formats.vat_id, "NO 995 525 828 MVA", "NO", "NO995525828MVA"),
    (formats.vat_id, "995 525 828 mva", "CZ", "NO995525828MVA"),
    (formats.vat_id, "SK2020317068", "SK", "SK2020317068"),
    (formats.phone_number, "(+48) 22 607 70 00", "CZ", "+48226077000"),
    (formats.phone_number, "(+420) 777 123 456", "PL", "+420777123456"),
    (formats.phone_number, "tel: +48 22 607 70 00", "CZ", "+48226077000"),
    (formats.phone_number, "＋48 22 607 70 00", "CZ", "+48226077000"),
    (formats.phone_number, "(0048) 22 607 70 00", "CZ", "+48226077000"),
    (formats.phone_number, "00420777123456", "US", "+420777123456"),
    (formats.phone_number, "0048226077000", "SG", "+48226077000"),
    (formats.phone_number, "0048226077000", "TH", "+48226077000"),
    (formats.phone_number, "0048226077000", "KH", "+48226077000"),
    (formats.phone_number, "001 48 226077000", "SG", "+48226077000"),
    (formats.phone_number, "0011 420 777 123 456", "AU", "+420777123456"),
    (formats.phone_number, "420777123456", "CZ", "+420777123456"),
    (formats.phone_number, "4930901820", "DE", "+4930901820"),
    (formats.phone_number, "905 123 456", "SK", "+421905123456"),
    (formats.phone_number, "2125551234", "US", "+12125551234"),
    (formats.phone_number, "(49) 3090-1820", "BR", "+554930901820"),
    (formats.postal_code, "A-1010", "AT", "1010"),
    (formats.postal_code, "D-10115", "DE", "10115"),
    (formats.postal_code, "L-1234", "LU", "1234"),
    (formats.postal_code, "F-75001", "FR", "75001"),
    (formats.postal_code, "I-00187", "IT", "00187"),
    (formats.postal_code, "H-1051", "HU", "1051"),
    (formats.postal_code, "B-1000", "BE", "1000"),
    (formats.postal_code, "S-111 22", "SE", "11122"),
    (formats.postal_code, "N-0150", "NO", "0150"),
    (formats.postal_code, "FL-9490", "LI", "9490"),
    (formats.postal_code, "CZ 602 00", "CZ", "60200"),
    (formats.postal_code, "DE 10115", "DE", "10115"),
    (formats.postal_code, "PL 00-950", "PL", "00-950"),
    (formats.postal_code, "00–950", "PL", "00-950"),
    (formats.postal_code, "00 ‐ 950", "PL", "00-950"),
    (formats.postal_code, "GB-SW1A 1AA", "GB", "SW1A 1AA"),
    (formats.postal_code, "01310100", "BR", "01310-100"),
    (formats.postal_code, "1000001", "JP", "100-0001"),
    (formats.postal_code, "P-1000-205", "PT", "1000-205"),
    (formats.postal_code, "LV-1010", "LV", "LV-1010"),
    (formats.bank_account, "IBAN PL61 1090 1014 0000 0712 1981 2874", "CZ", "PL61109010140000071219812874"),
    (formats.bank_account, "IBAN: PL61 1090 1014 0000 0712 1981 2874", "PL", "PL61109010140000071219812874"),
    (formats.bank_account, "PL61-1090-1014-0000-0712-1981-2874", "CZ", "PL61109010140000071219812874"),
    (formats.bank_account, "61-1090-1014-0000-0712-1981-2874", "PL", "PL61109010140000071219812874"),
    (formats.bank_account, "40817810099910004312", "RU", "40817810099910004312"),
    (formats.bank_account, "20–00–00 55779911", "GB", "20-00-00 55779911"),
    (formats.bank_account, "GB29 NWBK 6016 1331 9268 19", "GB", "GB29NWBK60161331926819"),
    (formats.vat_id, "774-000-14-54", "PL", "PL7740001454"),
    (formats.vat_id, "980 7806 84", "GB", "GB980780684"),
    (formats.vat_id, "136695976", "DE", "DE136695976"),
    (formats.vat_id, "U13585627", "AT", "ATU13585627"),
    (formats.vat_id, "094259216", "GR", "EL094259216"),
    (formats.vat_id, "107.787.577 MWST", "LI", "CHE107787577MWST"),
    (formats.vat_id, "DE136695976", "PL", "DE136695976"),
]
REFUSED: list[tuple[Callable[..., str], str, str, str]] = [
    (formats.phone_number, "0905 123 456", "CZ", "begin with that country's code"),
    (formats.phone_number, "030 901820", "CZ", "begin with that country's code"),
    (formats.phone_number, "777 123 456", "AQ", "Write it with its country's code"),
    (formats.phone_number, "123", "PL", "does not exist in PL"),
    (formats.postal_code, "1010", "CZ", "It has 5 digits"),
    (formats.postal_code, "SW1A 1AA", "CZ", "check them and the country"),
    (formats.postal_code, "60200", "GB", "Write it as SW1A 1AA"),
    (formats.bank_account, "19-2000145399/0800", "PL", "as an IBAN, beginning PL"),
    (formats.bank_account, "19-8742637542/1200", "SK", "or write its IBAN"),
    (formats.bank_account, "účet", "US", "an IBAN if it has one"),
    (formats.ico, "35763468", "SK", "wrong check digit"),
    (formats.ico, "177041", "SK", "eight digits"),
    (formats.ico, "00445790", "GB", "as the registration number"),
    (formats.ico, "27082440", "PL", "as the registration number"),
    (formats.tax_number, "SK2020317068", "SK", "the VAT id"),
    (formats.tax_number, "--", "PL", "letters and digits"),
    (formats.vat_id, "2020317068", "SK", "is the tax number"),
    (formats.vat_id, "GB980780685", "GB", "not valid"),
    (formats.vat_id, "XI110305879", "GB", "not valid"),
    (formats.vat_id, "CHE-107.787.577", "CH", "without MWST"),
    (formats.vat_id, "CHE-107.787.578 MWST", "CH", "not valid"),
    (formats.vat_id, "NO995525829MVA", "NO", "not valid"),
    (formats.vat_id, "995525828", "NO", "without MVA"),
    (formats.phone_number, "+48 22 607 70 00 ext. 12", "CZ", "Leave the extension out"),
    (formats.phone_number, "22 607 70 00 wew. 12", "CZ", "Leave the extension out"),
    (formats.phone_number, "777 123 456 kl. 12", "CZ", "Leave the extension out"),
    (formats.phone_number, "777 123 456;ext=5", "CZ", "Leave the extension out"),
    (formats.phone_number, "777123456#5", "CZ", "Leave the extension out"),
    (formats.phone_number, "420777123456", "DE", "Begin with +"),
    (formats.phone_number, "48226077000", "AT", "Begin with +"),
    (formats.phone_number, "33612345678", "IT", "Begin with +"),
    (formats.postal_code, "00-950", "CZ", "check them and the country"),
    (formats.postal_code, "6020-0", "CZ", "check them and the country"),
    (formats.postal_code, "60-200", "CZ", "check them and the country"),
    (formats.postal_code, "123-45", "CZ", "check them and the country"),
    (formats.postal_code, "D-10115", "CZ", "check them and the country"),
    (formats.postal_code, "1-0-1-1-5", "DE", "It has 5 digits"),
    (formats.postal_code, "101-15", "DE", "It has 5 digits"),
    (formats.postal_code, "6020-0", "PL", "Write it as 00-950"),
    (formats.postal_code, "00950;", "PL", "Write it as 00-950"),
    (formats.postal_code, "12;", "KE", "letters and digits"),
    (formats.vat_id, "7740001455", "PL", "begins with PL"),
    (formats.vat_id, "27082440", "CZ", "as in CZ27082440"),
    (formats.vat_id, "136695976", "US", "as in CZ27082440"),
    (formats.bank_account, "GB29 NWBK 6016 1331 9268 18", "GB", "swapped digit"),
    (formats.bank_account, "účet 12", "GB", "as an IBAN"),
]


def named(case: Any) -> str:
    return getattr(case, "__name__", str(case))


@pytest.mark.parametrize(("read", "typed", "country", "stored"), READ, ids=named)
def test_it_is_read_as_people_in_the_country_write_it(
    read: Callable[..., str], typed: str, country: str, stored: str
) -> None:
    assert read(typed, country) == stored
    assert read(stored, country) == stored


@pytest.mark.parametrize(("read", "typed", "country", "advice"), REFUSED, ids=named)
def test_what_is_none_of_that_country_is_refused_with_advice(
    read: Callable[..., str], typed: str, country: str, advice: str
) -> None:
    with pytest.raises(ValueError, match="“") as refusal:
        read(typed, country)

    assert advice in str(refusal.value) and typed in str(refusal.value)


def test_the_registration_number_stays_as_typed() -> None:
    assert formats.registration_number("  HRB 86891 B ") == "HRB 86891 B"


def test_what_looks_like_a_czech_account_is_one_in_czechia_alone() -> None:
    """In the form that Slovakia shares it would be taken for one as soon as somebody looks at it elsewhere."""
    assert formats.bank_account("19-2000145399/0800", "SK") == "SK6308000000192000145399"
    for country in sorted(formats.COUNTRIES - {"CZ", "SK"}):
        with pytest.raises(ValueError, match="IBAN"):
            formats.bank_account("19-2000145399/0800", country)


@pytest.mark.parametrize(("typed", "right"), [("UK", "GB"), ("el", "GR")])
def test_a_code_that_people_take_for_a_country_is_told_the_right_one(typed: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"Write {right}"):
        formats.country(typed)

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

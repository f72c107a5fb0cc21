"""Vectors of `czech-formats`: computed independently, so they are facts and not echoes of the code."""

from collections.abc import Callable
from functools import partial
from importlib import resources

import pytest

from app import formats


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("27082440", "27082440"),
        ("45274649", "45274649"),
        ("00177041", "00177041"),
        ("177041", "00177041"),
        ("09952136", "09952136"),
        ("25596641", "25596641"),
        (" 270 82 440 ", "27082440"),
        ("00000001", "00000001"),
        ("99999994", "99999994"),
    ],
)
def test_an_ico_is_stored_as_eight_digits(typed: str, stored: str) -> None:
    assert formats.ico(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "27082441",
        "45274694",
        "12345678",
        "00000000",
        "2708244a",
        "270824400",
        "",
        "٢٧٠٨٢٤٤٠",
        "２７０８２４４０",
        "-7082440",
    ],
)
def test_an_ico_with_a_mistake_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="IČO"):
        formats.ico(typed)


@pytest.mark.parametrize("check_digit_for", [(0, 1), (1, 0), (10, 1)])
def test_the_check_digit_follows_the_remainder(check_digit_for: tuple[int, int]) -> None:
    remainder, check = check_digit_for
    weights = (8, 7, 6, 5, 4, 3, 2)
    seven = next(
        digits
        for digits in (f"{n:07d}" for n in range(1_000_000, 1_001_000))
        if sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11 == remainder
    )

    assert formats.ico(f"{seven}{check}") == f"{seven}{check}"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("CZ27082440", "CZ27082440"),
        ("cz27082440", "CZ27082440"),
        ("CZ 710319/2745", "CZ7103192745"),
        ("CZ640903926", "CZ640903926"),
        ("CZ530101123", "CZ530101123"),
        ("CZ270824401", "CZ270824401"),
        ("CZ699001182", "CZ699001182"),
        ("SK2020317068", "SK2020317068"),
        ("DE 136,695 976".replace(",", ""), "DE136695976"),
        ("atu13585627", "ATU13585627"),
        ("EL094259216", "EL094259216"),
    ],
)
def test_a_vat_id_is_stored_compact_with_its_country(typed: str, stored: str) -> None:
    assert formats.vat_id(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "CZ7103192746",
        "CZ640903927",
        "CZ90000005",
        "CZ7113192745",
        "CZ2708244",
        "CZ12345678",
        "SK2020317069",
        "27082440",
        "US123456789",
        "CZ",
        "",
        "CZ٢٧٠٨٢٤٤٠",
    ],
)
def test_a_vat_id_with_a_mistake_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="VAT number"):
        formats.vat_id(typed)


@pytest.mark.parametrize(
    ("account", "iban"),
    [
        ("19-2000145399/0800", "CZ6508000000192000145399"),
        ("86-5211550267/0100", "CZ8601000000865211550267"),
        ("222885/5500", "CZ1355000000000000222885"),
        ("300300232/0800", "CZ2508000000000300300232"),
    ],
)
def test_an_account_is_taken_in_both_forms(account: str, iban: str) -> None:
    assert formats.bank_account(account, "CZ") == account
    assert formats.bank_account(iban, "CZ") == iban
    assert formats.bank_account(f" {iban[:4]} {iban[4:8]} {iban[8:]}".lower(), "CZ") == iban


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("000019-2000145399/0800", "19-2000145399/0800"),
        ("0000222885 / 5500", "222885/5500"),
        ("000000-0000222885/5500", "222885/5500"),
        ("SK31 1200 0000 1987 4263 7541", "SK3112000000198742637541"),
        ("DE89370400440532013000", "DE89370400440532013000"),
    ],
)
def test_an_account_has_one_stored_form(typed: str, stored: str) -> None:
    assert formats.bank_account(typed, "CZ") == stored


@pytest.mark.parametrize(
    "typed",
    [
        "123-123456789/0100",
        "19-2000145398/0800",
        "270016060243/0300",
        "2800270016/0000",
        "CZ6608000000192000145399",
        "CZ9020100000002900000000",
        "000000-0000000000/0800",
        "0000000000/0800",
        "CZ650800000019200014539",
        "CZ65080000001920001453990",
        "19-2000145399",
        "٢٢٢٨٨٥/5500",
        "",
    ],
)
def test_an_account_that_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"account|IBAN"):
        formats.bank_account(typed, "CZ")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Jana.Nova@Firma.CZ ", "Jana.Nova@firma.cz"),
        ("a+b@x.cz", "a+b@x.cz"),
        ("jana@háčky.cz", "jana@xn--hky-ela4t.cz"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_an_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert formats.email_address(typed) == stored
    assert formats.email_address(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "a@x.cz> SIZE=1",
        "a@x.cz, b@y.cz",
        "a@x.cz; b@y.cz",
        '"a b"@x.cz',
        '"a"@x.cz',
        "Jana <a@x.cz>",
        "group: a@x.cz;",
        "a@x.cz (comment)",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@localhost",
        "a@x",
        "a@x..cz",
        ".a@x.cz",
        "a@x.cz\r\nRCPT TO:<b@y.cz>",
        "a\x00@x.cz",
        "a\u2028@x.cz",
        "žaneta@x.cz",
        "a@@x.cz",
        "a b@x.cz",
        "@x.cz",
        "",
        "a" * 65 + "@x.cz",
        "a@" + ".".join(["x" * 60] * 5) + ".cz",
        "a" * 100_000,
    ],
)
def test_what_is_not_one_bare_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"e-mail address|character"):
        formats.email_address(typed)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("777 123 456", "+420777123456"),
        ("+420 777 123 456", "+420777123456"),
        ("00420777123456", "+420777123456"),
        ("tel:+420-777-123-456", "+420777123456"),
        ("(02) 123", None),
        ("222 333 444", "+420222333444"),
        ("+421 2 5788 1111", "+421257881111"),
        ("+49 30 901820", "+4930901820"),
        ("777\u00a0123\u00a0456", "+420777123456"),
    ],
)
def test_a_phone_number_is_stored_as_e164(typed: str, stored: str | None) -> None:
    if stored is None:
        with pytest.raises(ValueError, match="phone number"):
            formats.phone_number(typed, "CZ")
    else:
        assert formats.phone_number(typed, "CZ") == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "112",
        "12345",
        "call me",
        "1-800-FLOWERS",
        "777 123 456 ext. 5",
        "+999 123 456 789",
        "٧٧٧١٢٣٤٥٦",
        "777;1",
    ],
)
def test_what_cannot_be_called_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="phone number"):
        formats.phone_number(typed, "CZ")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("firma.cz", "https://firma.cz"),
        ("HTTP://Www.Firma.CZ/Cesta?a=1#b", "http://www.firma.cz/Cesta?a=1#b"),
        ("firma.cz:8080/x", "https://firma.cz:8080/x"),
        ("https://háčky.cz/čau", "https://xn--hky-ela4t.cz/%C4%8Dau"),
        ("https://firma.cz/a%20b", "https://firma.cz/a%20b"),
        ("https://firma.cz./", "https://firma.cz/"),
    ],
)
def test_a_web_address_is_stored_with_its_scheme(typed: str, stored: str) -> None:
    assert formats.web_url(typed) == stored
    assert formats.web_url(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "javascript:alert(1)",
        "mailto:a@x.cz",
        "data:text/html,x",
        "ftp://firma.cz",
        "file:///etc/passwd",
        "https://jana:heslo@firma.cz",
        "jana@firma.cz",
        "https://firma.cz\\@evil.cz",
        "https://fir ma.cz",
        'https://firma.cz/"onclick',
        "https://",
        "https:///cesta",
        "localhost",
        "https://[::1",
        "https://[::1]/",
        "https://firma.cz:99999",
        "https://firma.cz:0",
        "https://-.cz",
        "",
        "https://firma.cz/\r\nx",
        "https://firma.cz/\x00",
        "https://firma.cz/" + "x" * 2_000,
        "https://firma.cz/" + "č" * 1_000,
    ],
)
def test_what_is_not_a_web_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"web address|character"):
        formats.web_url(typed)


def test_the_countries_are_those_of_iso_3166() -> None:
    table = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    listed = {line.split("\t")[0] for line in table.splitlines() if line and not line.startswith("#")}

    assert listed == formats.COUNTRIES
    assert formats.country(" cz ") == "CZ"


@pytest.mark.parametrize("typed", ["", "XX", "CZE", "Česko", "UK"])
def test_an_unknown_country_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="country"):
        formats.country(typed)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("140 00", "14000"),
        ("14000", "14000"),
        ("sw1a  1aa", "SW1A 1AA"),
        ("1010", "1010"),
        ("00-950", "00-950"),
    ],
)
def test_a_postal_code_has_one_stored_form(typed: str, stored: str) -> None:
    assert formats.postal_code(typed) == stored


@pytest.mark.parametrize("typed", ["", "-", "14000;", "140 00 Praha 4 Michle", "١٤٠٠٠"])
def test_what_is_not_a_postal_code_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="postal code"):
        formats.postal_code(typed)


@pytest.mark.parametrize("zone", ["Europe/Prague", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_an_iana_name(zone: str) -> None:
    assert formats.time_zone(zone) == zone


@pytest.mark.parametrize(
    "typed", ["", "europe/prague", "CET+1", "../../etc/passwd", "Europe", "localtime", "/etc/localtime"]
)
def test_an_unknown_time_zone_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        formats.time_zone(typed)


@pytest.mark.parametrize(
    ("check", "typed"),
    [
        (formats.ico, "12345678"),
        (formats.vat_id, "CZ12345678"),
        (partial(formats.bank_account, country="CZ"), "19-2000145398/0800"),
        (formats.email_address, "jana.firma.cz"),
        (partial(formats.phone_number, country="CZ"), "12345"),
        (formats.web_url, "javascript:alert(1)"),
        (formats.time_zone, "Europe/Brno"),
    ],
)
def test_a_refusal_names_the_value(check: object, typed: str) -> None:
    with pytest.raises(ValueError, match=r"“") as refusal:
        check(typed)  # type: ignore[operator]

    assert typed in str(refusal.value)


@pytest.mark.parametrize(
    ("read", "typed", "stored"),
    [
        (partial(formats.phone_number, country="CZ"), "605123456", "+420605123456"),
        (formats.email_address, "jana@firma.cz", "jana@firma.cz"),
        (formats.ico, "27082440", "27082440"),
        (formats.vat_id, "CZ27082440", "CZ27082440"),
        (partial(formats.bank_account, country="CZ"), "19-2000145399/0800", "19-2000145399/0800"),
        (formats.postal_code, "14000", "14000"),
        (formats.registration_number, "HRB 86891", "HRB 86891"),
        (formats.web_url, "https://firma.cz/", "https://firma.cz/"),
        (formats.country, "cz", "CZ"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_marks_of_direction_around_it_are_trimmed_and_one_inside_is_named(
    read: Callable[[str], str], typed: str, stored: str
) -> None:
    assert read(f"\u202a\u200e{typed}\u202c\u200b") == stored
    with pytest.raises(
        ValueError, match=r"^Delete the invisible character U\+200E after “.”: it is character 2\.$"
    ):
        read(f"{typed[0]}\u200e{typed[1:]}")

"""The many shapes in which the register tells a company, written from the list of its fields."""

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from app.integrations.ares_company import Company, VatRegistration, from_json, read_company, to_json
from app.services import base_data
from app.validation import check

ICO = "45274649"
TODAY = date(2026, 3, 2)
Seat = tuple[str | None, str | None, str | None, str | None]


def read(**answer: Any) -> Company:
    """As it is read, and as it is kept and read again."""
    company = read_company(ICO, {"ico": ICO, **answer}, TODAY)
    kept = from_json(to_json(company)).company
    assert kept == company
    return company


def seat_of(company: Company) -> Seat | None:
    seat = company.address
    return None if seat is None else (seat.street, seat.city, seat.postal_code, seat.country)


IN_PRAGUE = {"kodStatu": "CZ", "kodObce": 554782, "nazevObce": "Praha", "psc": 14000}
IN_LHOTA = {"kodStatu": "CZ", "nazevObce": "Lhota", "psc": 59401}

IN_PARTS: dict[str, tuple[dict[str, Any], Seat | None]] = {
    "street, house and orientation number": (
        {**IN_PRAGUE, "nazevUlice": "Duhová", "cisloDomovni": 1444, "cisloOrientacni": 2},
        ("Duhová 1444/2", "Praha", "14000", "CZ"),
    ),
    "a letter behind the orientation number": (
        {
            **IN_PRAGUE,
            "nazevUlice": "Duhová",
            "cisloDomovni": 1444,
            "cisloOrientacni": 2,
            "cisloOrientacniPismeno": "a",
        },
        ("Duhová 1444/2a", "Praha", "14000", "CZ"),
    ),
    "numbers as texts": (
        {**IN_PRAGUE, "nazevUlice": "Duhová", "cisloDomovni": "1444", "psc": "140 00"},
        ("Duhová 1444", "Praha", "14000", "CZ"),
    ),
    "a village without streets": (
        {**IN_LHOTA, "nazevCastiObce": "Lhota", "cisloDomovni": 12},
        ("č.p. 12", "Lhota", "59401", "CZ"),
    ),
    "a part of a village": (
        {**IN_LHOTA, "nazevCastiObce": "Zadní Lhota", "cisloDomovni": 12},
        ("Zadní Lhota č.p. 12", "Lhota", "59401", "CZ"),
    ),
    "a registration number instead of a house number": (
        {**IN_LHOTA, "cisloDomovni": 7, "typCisloDomovni": "2"},
        ("č.ev. 7", "Lhota", "59401", "CZ"),
    ),
    "house number 0 is none": ({**IN_LHOTA, "cisloDomovni": 0}, (None, "Lhota", "59401", "CZ")),
    "house number 0 beside an orientation number": (
        {**IN_PRAGUE, "nazevUlice": "Duhová", "cisloDomovni": 0, "cisloOrientacni": 2},
        ("Duhová 2", "Praha", "14000", "CZ"),
    ),
    "a street without a number": (
        {**IN_PRAGUE, "nazevUlice": "Duhová", "cisloDomovni": 0, "cisloOrientacni": 0},
        ("Duhová", "Praha", "14000", "CZ"),
    ),
    "a number written as one text": (
        {**IN_PRAGUE, "nazevUlice": "Duhová", "cisloDoAdresy": "1444/2"},
        ("Duhová 1444/2", "Praha", "14000", "CZ"),
    ),
    "a postal code that lost its zero": ({**IN_LHOTA, "psc": 1001}, (None, "Lhota", "01001", "CZ")),
    "a postal code as a text only": (
        {"kodStatu": "CZ", "nazevObce": "Lhota", "pscTxt": "594 01"},
        (None, "Lhota", "59401", "CZ"),
    ),
    "a postal code of 0": ({**IN_LHOTA, "psc": 0, "pscTxt": "59401"}, (None, "Lhota", "59401", "CZ")),
    "no state, but its name": (
        {"nazevStatu": "Slovenská republika", "nazevObce": "Bratislava", "psc": 81101},
        (None, "Bratislava", "81101", "SK"),
    ),
    "a foreign seat in parts": (
        {
            "kodStatu": "GB",
            "nazevObce": "London",
            "nazevUlice": "Downing Street",
            "cisloDomovni": 10,
            "pscTxt": "SW1A 2AA",
        },
        ("Downing Street 10", "London", "SW1A 2AA", "GB"),
    ),
    "a foreign postal code of four digits": (
        {"kodStatu": "AT", "nazevObce": "Wien", "psc": 1010},
        (None, "Wien", "1010", "AT"),
    ),
    "zeros that a number lost, elsewhere": (
        {"kodStatu": "DE", "nazevObce": "Dresden", "psc": 1067},
        (None, "Dresden", "01067", "DE"),
    ),
    "zeros that a number lost, before a hyphen": (
        {"kodStatu": "PL", "nazevObce": "Warszawa", "psc": 838},
        (None, "Warszawa", "00-838", "PL"),
    ),
    "zeros that a number lost, of a state": (
        {"kodStatu": "US", "nazevObce": "Hoboken", "psc": 7030},
        (None, "Hoboken", "07030", "US"),
    ),
    "what is no postal code there": (
        {"kodStatu": "GB", "nazevObce": "London", "pscTxt": "London"},
        (None, "London", None, "GB"),
    ),
    "a postal code that lacks its letters": (
        {"kodStatu": "NL", "nazevObce": "Amsterdam", "psc": 1012},
        (None, "Amsterdam", None, "NL"),
    ),
    "a postal code of a country of which we know no form": (
        {"kodStatu": "VN", "nazevObce": "Hanoi", "psc": 100000},
        (None, "Hanoi", "100000", "VN"),
    ),
    "the town stands in the text alone": (
        {
            "nazevUlice": "Duhová",
            "cisloDomovni": 1444,
            "psc": 14000,
            "textovaAdresa": "Duhová 1444, 14000 Praha 4",
        },
        ("Duhová 1444", "Praha 4", "14000", None),
    ),
    "the village stands in the text alone": (
        {"cisloDomovni": 12, "psc": 67401, "textovaAdresa": "Lhota 12, 67401 Lhota"},
        ("č.p. 12", "Lhota", "67401", None),
    ),
    "street and code stand in the text alone": (
        {"nazevObce": "Praha", "textovaAdresa": "Duhová 1444/2, 14000 Praha 4"},
        ("Duhová 1444/2", "Praha", "14000", None),
    ),
    "the text has the town only once more": (
        {**IN_LHOTA, "textovaAdresa": "Lhota, 59401 Lhota"},
        (None, "Lhota", "59401", "CZ"),
    ),
    "parts win over the text": (
        {
            **IN_PRAGUE,
            "nazevUlice": "Duhová",
            "cisloDomovni": 1444,
            "textovaAdresa": "Jinde 1, 11000 Praha 1",
        },
        ("Duhová 1444", "Praha", "14000", "CZ"),
    ),
    "nothing but codes": ({"kodStatu": "CZ", "kodKraje": 19}, None),
    "values of the wrong kind": (
        {"kodStatu": ["CZ"], "nazevObce": {"x": 1}, "psc": True, "nazevUlice": None},
        None,
    ),
}

IN_TEXT: dict[str, Seat | None] = {
    "Duhová 1444/2, Michle, 14000 Praha 4": ("Duhová 1444/2, Michle", "Praha 4", "14000", None),
    "Duhová 1444/2, 140 00 Praha 4 - Michle": ("Duhová 1444/2", "Praha 4 - Michle", "14000", None),
    "Duhová 1444/2, PSČ 140 00 Praha 4": ("Duhová 1444/2", "Praha 4", "14000", None),
    "Praha 4, Duhová 1444/2, PSČ 14000": ("Duhová 1444/2", "Praha 4", "14000", None),
    "Praha 4 - Michle, Duhová 1444/2, PSČ: 140 53": ("Duhová 1444/2", "Praha 4 - Michle", "14053", None),
    "Brno, Veveří 102, 602 00": ("Veveří 102", "Brno", "60200", None),
    "Veveří 102, Brno 602 00": ("Veveří 102", "Brno", "60200", None),
    "Veveří 102, Brno, PSČ 602 00": ("Veveří 102", "Brno", "60200", None),
    "Veveří 102, Brno PSČ 602 00": ("Veveří 102", "Brno", "60200", None),
    "Lhota 12, okres Třebíč, PSČ 67401": ("č.p. 12", "Lhota", "67401", None),
    "Lhota č.p. 12, PSČ 67401, okr. Třebíč": ("č.p. 12", "Lhota", "67401", None),
    "č.p. 12, 67401 Lhota": ("č.p. 12", "Lhota", "67401", None),
    "67401 Třebíč": (None, "Třebíč", "67401", None),
    "Duhová 1444/2, 14000 Praha 4, Česká republika": ("Duhová 1444/2", "Praha 4", "14000", "CZ"),
    "Česká republika, 14000 Praha 4, Duhová 1444/2": ("Duhová 1444/2", "Praha 4", "14000", "CZ"),
    "Hlavná 5, 811 01 Bratislava, Slovenská republika": ("Hlavná 5", "Bratislava", "81101", "SK"),
    "Hauptstraße 5, A-1010 Wien, Rakouská republika": ("Hauptstraße 5", "Wien", "1010", "AT"),
    "Hauptstraße 5, 80331 München, Německo": ("Hauptstraße 5", "München", "80331", "DE"),
    "ul. Prosta 1, 00-838 Warszawa, Polsko": ("ul. Prosta 1", "Warszawa", "00-838", "PL"),
    "10 Downing Street, London SW1A 2AA, Velká Británie": (
        "10 Downing Street",
        "London",
        "SW1A 2AA",
        "GB",
    ),
    "Olomouc 9, Tovární 3, PSČ 77900": ("Tovární 3", "Olomouc 9", "77900", None),
    "Třeboň 2, Husova 14, PSČ 37901": ("Husova 14", "Třeboň 2", "37901", None),
    "Lhota 12, pošta Třebíč, PSČ 67401": ("č.p. 12", "Lhota", "67401", None),
    "Lhota č. 12, PSČ 67401": ("č.p. 12", "Lhota", "67401", None),
    "Lhota č.ev. 12, PSČ 67401": ("č.ev. 12", "Lhota", "67401", None),
    "674 01 Lhota 12": ("č.p. 12", "Lhota", "67401", None),
    "67401 Praha 4": (None, "Praha 4", "67401", None),
    "Vrchlického 5, Jihlava, 58601, Kraj Vysočina": ("Vrchlického 5", "Jihlava", "58601", None),
    "Duhová 1444/2, CZ-14000 Praha 4": ("Duhová 1444/2", "Praha 4", "14000", None),
    "Velké náměstí, Hradec Králové, PSČ 50003": ("Velké náměstí", "Hradec Králové", "50003", None),
    "Gran Via 1, 28013 Madrid, Španělsko": ("Gran Via 1", "Madrid", "28013", "ES"),
    "Rue de la Loi 16, 1000 Bruxelles, Belgie": ("Rue de la Loi 16", "Bruxelles", "1000", "BE"),
    "Damrak 1, 1012 JS Amsterdam, Nizozemsko": ("Damrak 1", "Amsterdam", "1012 JS", "NL"),
    "Lhota 12": ("Lhota 12", None, None, None),
    " , ; ,": None,
    "": None,
}

A_REGISTER = {"datovyZdroj": "ros"}


@pytest.mark.parametrize("shape", IN_PARTS)
def test_a_seat_in_parts(shape: str) -> None:
    sidlo, expected = IN_PARTS[shape]

    assert seat_of(read(sidlo=sidlo)) == expected


@pytest.mark.parametrize("text", IN_TEXT)
def test_a_seat_that_is_a_text_only(text: str) -> None:
    assert seat_of(read(sidlo={"textovaAdresa": text})) == IN_TEXT[text]


def test_a_text_goes_with_the_code_and_the_state_that_are_known_otherwise() -> None:
    sidlo = {"kodStatu": "CZ", "psc": 67401, "textovaAdresa": "Lhota 12"}

    assert seat_of(read(sidlo=sidlo)) == ("č.p. 12", "Lhota", "67401", "CZ")


@pytest.mark.parametrize("sidlo", [None, {}, [], "Praha", {"kodStatu": "CZ"}])
@pytest.mark.parametrize(
    "told",
    [
        [{"sidlo": {"nazevObce": "Praha"}, "primarniZaznam": True, "platnostOd": "2020-01-01"}],
        [{"sidlo": {"textovaAdresa": "11000 Praha"}}],
        [{"nazevObce": "Praha"}],
        {"nazevObce": "Praha"},
    ],
)
def test_a_seat_that_stands_under_the_single_registers(sidlo: Any, told: Any) -> None:
    address = read(
        sidlo=sidlo, dalsiUdaje=[None, {"datovyZdroj": "vr"}, {**A_REGISTER, "sidlo": told}]
    ).address

    assert address is not None and address.city == "Praha"


@pytest.mark.parametrize(
    "entries",
    [
        [("Praha", True, None), ("Brno", False, None), ("Ostrava", False, None)],
        [("Brno", False, None), ("Praha", True, None)],
        [("Brno", None, "2019-12-31"), ("Praha", None, None)],
        [("Praha", None, "2099-12-31"), ("Brno", None, "2019-12-31")],
        [("Praha", None, None), ("Brno", None, "2019-12-31")],
        [("Brno", None, None), ("Praha", None, None)],
    ],
)
def test_of_several_seats_the_primary_one_counts_then_the_valid_then_the_last(
    entries: list[tuple[str, bool | None, str | None]],
) -> None:
    told = [
        {
            "sidlo": {"nazevObce": city},
            **({} if primary is None else {"primarniZaznam": primary}),
            **({} if until is None else {"platnostDo": until}),
        }
        for city, primary, until in entries
    ]

    address = read(dalsiUdaje=[{**A_REGISTER, "sidlo": told}]).address

    assert address is not None and address.city == "Praha"


def test_the_primary_register_is_asked_before_the_others() -> None:
    registers = [
        {"datovyZdroj": "rzp", "sidlo": [{"sidlo": {"nazevObce": "Brno"}, "primarniZaznam": True}]},
        {"datovyZdroj": "vr", "sidlo": [{"sidlo": {"nazevObce": "Praha"}}], "pravniForma": "121"},
        {"datovyZdroj": "ros", "obchodniJmeno": [{"obchodniJmeno": "ČEZ, a. s.", "primarniZaznam": True}]},
    ]

    company = read(primarniZdroj="vr", dalsiUdaje=registers)

    assert company.address is not None and company.address.city == "Praha"
    assert company.name == "ČEZ, a. s."
    assert company.legal_form is not None and company.legal_form.name == "Akciová společnost"


@pytest.mark.parametrize(
    ("dic", "expected"),
    [
        ("CZ45274649", "CZ45274649"),
        ("45274649", "CZ45274649"),
        (45274649, "CZ45274649"),
        ("cz 452 746 49", "CZ45274649"),
        ("CZ12345678", None),
        ("Skupina_DPH", None),
        ("", None),
        (None, None),
    ],
)
def test_a_vat_id_comes_with_its_country(dic: Any, expected: str | None) -> None:
    assert read(dic=dic).vat_id == expected


@pytest.mark.parametrize(
    ("states", "group", "expected"),
    [
        ({"stavZdrojeDph": "AKTIVNI"}, None, VatRegistration.ACTIVE),
        ({"stavZdrojeDph": "NEEXISTUJICI"}, None, VatRegistration.NONE),
        ({"stavZdrojeDph": "BUDOUCI"}, None, VatRegistration.FUTURE),
        ({"stavZdrojeDph": "POZASTAVENY"}, None, VatRegistration.SUSPENDED),
        ({"stavZdrojeDph": "ZANIKLY"}, None, VatRegistration.ENDED),
        ({"stavZdrojeDph": "HISTORICKY"}, None, VatRegistration.ENDED),
        ({"stavZdrojeDph": "LOGICKY_SMAZANY"}, None, VatRegistration.ENDED),
        (
            {"stavZdrojeDph": "NEEXISTUJICI", "stavZdrojeSkDph": "AKTIVNI"},
            "CZ699001182",
            VatRegistration.GROUP,
        ),
        ({}, "699001182", VatRegistration.GROUP),
        ({"stavZdrojeDph": "AKTIVNI", "stavZdrojeSkDph": "ZANIKLY"}, None, VatRegistration.ACTIVE),
        ({"stavZdrojeDph": "AKTIVNI", "stavZdrojeSkDph": "ZANIKLY"}, "", VatRegistration.ACTIVE),
        ({"stavZdrojeDph": "NEZNAMY"}, None, None),
        ({"stavZdrojeDph": None}, None, None),
        (None, None, None),
    ],
)
def test_the_state_of_the_vat_registration(
    states: Any, group: str | None, expected: VatRegistration | None
) -> None:
    company = read(seznamRegistraci=states, dicSkDph=group)

    assert company.vat_registration is expected
    assert company.vat_group == ("CZ699001182" if group else None)


@pytest.mark.parametrize(
    ("answer", "is_active", "dissolved_on"),
    [
        ({}, True, None),
        ({"datumZaniku": "2020-02-29"}, False, date(2020, 2, 29)),
        ({"datumZaniku": "2020-02-29T00:00:00"}, False, date(2020, 2, 29)),
        ({"datumZaniku": "2020-02-30"}, True, None),
        ({"primarniZdroj": "vr", "seznamRegistraci": {"stavZdrojeVr": "ZANIKLY"}}, False, None),
        ({"primarniZdroj": "vr", "seznamRegistraci": {"stavZdrojeVr": "HISTORICKY"}}, False, None),
        ({"primarniZdroj": "vr", "seznamRegistraci": {"stavZdrojeRes": "ZANIKLY"}}, True, None),
    ],
)
def test_a_dissolved_company(answer: Any, is_active: bool, dissolved_on: date | None) -> None:
    company = read(**answer)

    assert (company.active, company.dissolved_on) == (is_active, dissolved_on)


def test_the_group_that_a_company_left_is_no_group_of_its() -> None:
    company = read(
        dicSkDph="CZ699001182", seznamRegistraci={"stavZdrojeDph": "AKTIVNI", "stavZdrojeSkDph": "ZANIKLY"}
    )

    assert (company.vat_group, company.vat_registration) == (None, VatRegistration.ACTIVE)


@pytest.mark.parametrize(
    "sidlo", [*(each for each, _ in IN_PARTS.values()), *({"textovaAdresa": each} for each in IN_TEXT)]
)
def test_what_is_read_is_what_a_contact_takes(sidlo: dict[str, Any]) -> None:
    company = read(obchodniJmeno="Firma " * 100, dic="CZ45274649", sidlo=sidlo)
    sent = {
        "name": company.name,
        "vat_id": company.vat_id,
        "address": asdict(company.address) if company.address else None,
    }
    country = (company.address and company.address.country) or "CZ"

    assert check(sent, base_data.rules(country)) == sent


def test_of_an_answer_that_says_nothing_the_ico_is_left() -> None:
    assert read() == Company(
        ico=ICO,
        name=None,
        legal_form=None,
        active=True,
        vat_id=None,
        vat_group=None,
        vat_registration=None,
        address=None,
        founded_on=None,
        dissolved_on=None,
    )

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from redis.exceptions import RedisError

from app.errors import ServiceUnavailable
from app.integrations.ares import Address, Breaker, Company, CompanyRegister, LegalForm, VatRegistration
from tests.ares_server import CEZ, Ares, Mood, ares_server

CEZ_ICO, MISSING_ICO = "45274649", "99999994"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Memory:
    """A cache that can break."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, int]] = {}
        self.fault: Exception | None = None

    async def get(self, key: str) -> bytes | None:
        self._maybe_break()
        return self.kept[key][0] if key in self.kept else None

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        self._maybe_break()
        self.kept[key] = (value, seconds)

    def _maybe_break(self) -> None:
        if self.fault:
            raise self.fault


@pytest.fixture
def ares() -> Iterator[Ares]:
    with ares_server() as server:
        yield server


@pytest.fixture
def cache() -> Memory:
    return Memory()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def register(ares: Ares, cache: Memory, clock: Clock) -> AsyncIterator[CompanyRegister]:
    client = httpx.AsyncClient(trust_env=False)
    register = CompanyRegister(
        ares.url,
        timeout_s=0.5,
        cache=cache,
        client=client,
        breaker=Breaker(failures=3, pause_s=30, clock=clock),
    )
    yield register
    await register.aclose()


async def test_a_company_comes_with_its_base_data(register: CompanyRegister) -> None:
    assert await register.lookup(CEZ_ICO) == Company(
        ico="45274649",
        name="ČEZ, a. s.",
        legal_form=LegalForm("121", "Akciová společnost"),
        active=True,
        vat_id="CZ45274649",
        vat_group=None,
        vat_registration=VatRegistration.ACTIVE,
        address=Address("Duhová 1444/2", "Praha", "14000", "CZ"),
        founded_on=date(1992, 5, 6),
        dissolved_on=None,
    )


async def test_no_such_company_is_none(register: CompanyRegister) -> None:
    assert await register.lookup(MISSING_ICO) is None


@pytest.mark.parametrize("ico", [CEZ_ICO, MISSING_ICO])
async def test_an_answer_is_asked_once_in_24_hours(
    register: CompanyRegister, ares: Ares, cache: Memory, ico: str
) -> None:
    first = await register.lookup(ico)

    assert await register.lookup(ico) == first
    assert len(ares.asked) == 1
    assert [seconds for _, seconds in cache.kept.values()] == [86_400]


async def test_simultaneous_questions_are_asked_once(
    register: CompanyRegister, ares: Ares, cache: Memory
) -> None:
    cache.fault = ConnectionError("no cache helps here")

    answers = await asyncio.gather(*(register.lookup(CEZ_ICO) for _ in range(20)))

    assert {answer.name for answer in answers if answer} == {"ČEZ, a. s."}
    assert len(ares.asked) == 1


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others(
    register: CompanyRegister, ares: Ares
) -> None:
    impatient = asyncio.create_task(register.lookup(CEZ_ICO))
    patient = asyncio.create_task(register.lookup(CEZ_ICO))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient is not None
    assert len(ares.asked) == 1


@pytest.mark.parametrize("fault", [ConnectionError("down"), TimeoutError(), RedisError("loading")])
async def test_a_broken_cache_is_done_without(
    register: CompanyRegister, cache: Memory, fault: Exception
) -> None:
    cache.fault = fault

    assert await register.lookup(CEZ_ICO) is not None


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b"5", b'{"ico": "45274649"}', b'{"x": 1}', b"\xff"])
async def test_rubbish_in_the_cache_is_asked_anew(
    register: CompanyRegister, cache: Memory, ares: Ares, rubbish: bytes
) -> None:
    cache.kept[f"ares:2:{CEZ_ICO}"] = (rubbish, 1)

    company = await register.lookup(CEZ_ICO)

    assert company is not None
    assert company.name == "ČEZ, a. s."
    assert len(ares.asked) == 1


FAULTS = [
    Mood(status=500, body=b'{"kod": "OBECNA_CHYBA", "popis": "x", "subKod": null}'),
    Mood(status=503, body=b"<html>maintenance</html>"),
    Mood(status=429, body=b"{}"),
    Mood(status=400, body=b'{"kod": "CHYBA_VSTUPU", "popis": "x", "subKod": "VSTUP_NEVALIDNI_FORMAT_ICO"}'),
    Mood(status=401, body=b'{"kod": "NEPRIHLASENY_UZIVATEL"}'),
    Mood(status=404, body=b'{"status": 404, "error": "Not Found", "path": "/rest/x"}'),
    Mood(status=404, body=b"<html>404</html>"),
    Mood(status=404, body=b'"NENALEZENO"'),
    Mood(status=302, body=b""),
    Mood(status=200, body=b""),
    Mood(status=200, body=b'{"ico": "45274649", '),
    Mood(status=200, body=b"[]"),
    Mood(status=200, body=b'{"ico": "00000001", "obchodniJmeno": "another"}'),
    Mood(status=200, body=b"[" * 100_000),
    Mood(status=200, body=b'{"ico": "45274649", "x": "' + b"x" * 1_000_000 + b'"}'),
    Mood(is_silent=True),
    Mood(hangs_up=True),
]


@pytest.mark.parametrize(
    "mood", FAULTS, ids=lambda mood: f"{mood.status}-{mood.body[:30]!r}-{mood.is_silent}"
)
async def test_no_clear_answer_is_never_taken_for_no_company(
    register: CompanyRegister, ares: Ares, cache: Memory, mood: Mood
) -> None:
    ares.mood = Mood(mood.status, mood.body, mood.is_silent, mood.hangs_up)

    with pytest.raises(ServiceUnavailable, match="by hand"):
        await register.lookup(CEZ_ICO)
    assert cache.kept == {}

    ares.mood = None
    assert await register.lookup(CEZ_ICO) is not None


async def test_a_register_that_is_away_is_unavailable() -> None:
    with ares_server() as gone:
        url = gone.url
    register = CompanyRegister(url, timeout_s=1, client=httpx.AsyncClient(trust_env=False))

    with pytest.raises(ServiceUnavailable):
        await register.lookup(CEZ_ICO)
    await register.aclose()


@pytest.mark.parametrize("mood", [Mood(status=500), Mood(status=429), Mood(is_silent=True)], ids=str)
async def test_a_register_that_is_down_is_left_alone_for_a_while(
    register: CompanyRegister, ares: Ares, clock: Clock, mood: Mood
) -> None:
    ares.mood = Mood(mood.status, mood.body, mood.is_silent, mood.hangs_up)
    for _ in range(10):
        with pytest.raises(ServiceUnavailable):
            await register.lookup(CEZ_ICO)
    assert len(ares.asked) == 3

    clock.now += 31
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await register.lookup(CEZ_ICO)
    assert len(ares.asked) == 4, "one try after the pause"

    clock.now += 31
    ares.mood = None
    assert await register.lookup(CEZ_ICO) is not None
    assert await register.lookup(MISSING_ICO) is None
    assert len(ares.asked) == 6


async def test_faults_that_are_ours_do_not_stop_the_asking(register: CompanyRegister, ares: Ares) -> None:
    ares.mood = Mood(status=400, body=b'{"kod": "CHYBA_VSTUPU"}')
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            await register.lookup(CEZ_ICO)

    assert len(ares.asked) == 5


@pytest.mark.parametrize(
    ("seat", "address"),
    [
        (
            {"nazevUlice": "Husova", "cisloDomovni": 5, "cisloOrientacni": 3, "cisloOrientacniPismeno": "a"}
            | {"nazevObce": "Brno", "psc": 60200, "kodStatu": "CZ"},
            Address("Husova 5/3a", "Brno", "60200", "CZ"),
        ),
        (
            {"cisloDomovni": 12, "nazevObce": "Lhota", "pscTxt": "26301"},
            Address("č.p. 12", "Lhota", "26301", None),
        ),
        (
            {"cisloDomovni": 12, "nazevCastiObce": "Lhota", "nazevObce": "Lhota", "psc": 1234},
            Address("č.p. 12", "Lhota", "01234", None),
        ),
        (
            {"cisloDomovni": 12, "nazevCastiObce": "Horní Lhota", "nazevObce": "Dobříš"},
            Address("Horní Lhota č.p. 12", "Dobříš", None, None),
        ),
        (
            {"cisloDomovni": 7, "typCisloDomovni": 2, "nazevObce": "Lhota"},
            Address("č.ev. 7", "Lhota", None, None),
        ),
        ({"nazevUlice": "Husova", "nazevObce": "Brno"}, Address("Husova", "Brno", None, None)),
        (
            {"nazevUlice": "Husova", "cisloOrientacni": 3, "nazevObce": "Brno", "pscTxt": "602 00"},
            Address("Husova 3", "Brno", "60200", None),
        ),
        (
            {"textovaAdresa": "Duhová 1444/2, Michle, 14000 Praha 4"},
            Address("Duhová 1444/2, Michle", "Praha 4", "14000", None),
        ),
        (
            {"textovaAdresa": "Mlynské nivy 1, Bratislava", "kodStatu": "sk"},
            Address("Mlynské nivy 1, Bratislava", None, None, "SK"),
        ),
        ({"kodStatu": "CZ"}, None),
        ({}, None),
        (None, None),
        ("Praha", None),
        ({"nazevObce": ["Brno"], "psc": {}, "cisloDomovni": True}, None),
    ],
)
async def test_an_address_is_read_from_what_there_is(
    register: CompanyRegister, ares: Ares, seat: object, address: Address | None
) -> None:
    ares.companies["27082440"] = {"ico": "27082440", "sidlo": seat}

    company = await register.lookup("27082440")

    assert company is not None
    assert company.address == address
    assert await register.lookup("27082440") == company, "the same from the cache"


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"datumZaniku": "2020-01-31"}, "active", False),
        ({"datumZaniku": "2020-01-31"}, "dissolved_on", date(2020, 1, 31)),
        ({"seznamRegistraci": {"stavZdrojeRes": "ZANIKLY"}}, "active", False),
        ({"seznamRegistraci": {"stavZdrojeVr": "ZANIKLY", "stavZdrojeRes": "AKTIVNI"}}, "active", True),
        ({"dic": None, "dicSkDph": "CZ699001182"}, "vat_group", "CZ699001182"),
        ({"dic": None, "dicSkDph": "CZ699001182"}, "vat_id", None),
        ({"dicSkDph": "N/A"}, "vat_group", None),
        ({"pravniForma": "999"}, "legal_form", LegalForm("999", None)),
        ({"pravniForma": 112}, "legal_form", LegalForm("112", "Společnost s ručením omezeným")),
        ({"datumVzniku": "loni"}, "founded_on", None),
        ({"datumVzniku": "1992-05-06T00:00:00"}, "founded_on", date(1992, 5, 6)),
        ({"obchodniJmeno": "  Zlý\r\n\x00 \u202eznak  "}, "name", "Zlý znak"),
        ({"obchodniJmeno": {"x": 1}}, "name", None),
        ({"obchodniJmeno": "x" * 5_000}, "name", "x" * 200),
    ],
)
async def test_what_is_odd_is_read_with_care(
    register: CompanyRegister, ares: Ares, changes: dict[str, Any], attribute: str, value: object
) -> None:
    ares.companies[CEZ_ICO] = CEZ | changes

    company = await register.lookup(CEZ_ICO)

    assert getattr(company, attribute) == value
    assert await register.lookup(CEZ_ICO) == company, "the same from the cache"

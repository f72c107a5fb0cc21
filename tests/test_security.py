import asyncio
from typing import Literal

import pytest
from argon2 import PasswordHasher

from app import security
from app.errors import Overloaded
from app.text import TooLong

PASSWORD = "správné heslo"
KEY, OTHER_KEY = "k" * 32, "o" * 32


async def test_a_password_matches_only_itself() -> None:
    stored = await security.hash_password(PASSWORD)

    assert stored.startswith("$argon2id$")
    assert await security.verify_password(stored, PASSWORD)
    assert not await security.verify_password(stored, PASSWORD + "x")
    assert not await security.verify_password(None, PASSWORD)


async def test_a_password_matches_however_its_accents_are_composed() -> None:
    stored = await security.hash_password("žluťoučký kůň")

    assert await security.verify_password(stored, "z\u030clut\u030couc\u030cky\u0301 ku\u030an\u030c")


@pytest.mark.parametrize(
    "password", ["", "short", "\x00" * 10, "x" * 1_025, "x" * 1_000_000, "\ud800" * 8, "č" * 600]
)
async def test_a_password_that_cannot_be_stored_never_matches(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        await security.hash_password(password)

    assert not await security.verify_password(security.DUMMY_HASH, password)


def test_the_bounds_of_a_password_are_bytes() -> None:
    assert security.check_password_strength("x" * 1_024) == "x" * 1_024
    assert security.check_password_strength("č" * 512) == "č" * 512
    with pytest.raises(TooLong):
        security.check_password_strength("č" * 513)
    with pytest.raises(TooLong):
        security.check_password_strength("ﷺ" * 300)
    with pytest.raises(ValueError, match="at least 8"):
        security.check_password_strength("sedm777")


@pytest.mark.parametrize("password", ["špatné heslo", "x" * 1_000_000, "short"])
@pytest.mark.parametrize("has_account", [True, False])
async def test_no_account_costs_the_same_work_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch, has_account: bool, password: str
) -> None:
    stored = await security.hash_password(PASSWORD)
    worked: list[str] = []

    class Spy(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            worked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(security, "_hasher", Spy())

    assert not await security.verify_password(stored if has_account else None, password)
    assert len(worked) == 1
    assert not PasswordHasher().check_needs_rehash(worked[0])


def test_the_dummy_is_hashed_by_the_parameters_in_use() -> None:
    assert not security.needs_rehash(security.DUMMY_HASH)
    assert security.needs_rehash(PasswordHasher(time_cost=1, memory_cost=64).hash("old parameters"))


async def test_hashing_leaves_the_loop_free() -> None:
    hashing = asyncio.create_task(security.hash_password(PASSWORD))
    ticks = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        ticks += 1

    assert ticks > 5


async def test_too_many_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "HASHES_WAITING", 2)

    answers = await asyncio.gather(
        *(security.verify_password(None, PASSWORD) for _ in range(4)), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [bool, bool, Overloaded, Overloaded]
    assert await security.verify_password(None, PASSWORD) is False


def test_tokens_are_long_random_and_safe_in_a_url() -> None:
    tokens = {security.new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {43}
    assert all(token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_only_the_hash_of_a_token_is_stored() -> None:
    assert security.token_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(security.token_hash("\ud800")) == 64


def test_a_signature_holds_for_its_key_and_parts_alone() -> None:
    signature = security.sign(KEY, "ab", "c")

    assert security.is_signed(KEY, signature, "ab", "c")
    for parts in (("a", "bc"), ("abc",), ("ab", "c", ""), ("c", "ab")):
        assert not security.is_signed(KEY, signature, *parts)
    assert not security.is_signed(OTHER_KEY, signature, "ab", "c")
    assert not security.is_signed(KEY, "", "ab", "c")
    assert not security.is_signed(KEY, "ž\ud800", "ab", "c")


def test_a_sealed_secret_opens_for_its_row_alone() -> None:
    sealed = security.seal(KEY, "smtp heslo", bound_to="project 1 mailbox 1")

    assert "heslo" not in sealed
    assert sealed != security.seal(KEY, "smtp heslo", bound_to="project 1 mailbox 1")
    assert security.unseal([KEY], sealed, bound_to="project 1 mailbox 1") == "smtp heslo"
    with pytest.raises(security.CannotUnseal, match="another row"):
        security.unseal([KEY], sealed, bound_to="project 2 mailbox 1")


def test_a_secret_opens_with_the_old_key_while_it_is_configured() -> None:
    sealed = security.seal(OTHER_KEY, "smtp heslo", bound_to="row")

    assert sealed.startswith(security.seal_key_id(OTHER_KEY) + ".")
    assert security.unseal([KEY, OTHER_KEY], sealed, bound_to="row") == "smtp heslo"
    with pytest.raises(security.CannotUnseal, match="not configured"):
        security.unseal([KEY], sealed, bound_to="row")


@pytest.mark.parametrize("spoilt", ["", "x", ".", "{id}.", "{id}.!!!", "{id}.AAAA", "{id}.ž"])
def test_a_spoilt_secret_says_so(spoilt: str) -> None:
    with pytest.raises(security.CannotUnseal):
        security.unseal([KEY], spoilt.format(id=security.seal_key_id(KEY)), bound_to="row")

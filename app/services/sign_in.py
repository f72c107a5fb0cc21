"""Proving a password, and slowing down whoever guesses one.

A try counts as wrong from its beginning until it turns out right, so that parallel ones cannot slip through:

    begin (in a transaction of its own, committed) → prove (argon2, no transaction) → confirm (in the unit of work)

Ten wrong tries within 15 minutes are free. After that every try must wait: 30 s, then twice as long each time, never
more than 15 minutes; a try that comes too early is refused unlooked at and changes nothing. What is counted:

* for an address where the account had a session within 30 days, its own wrong tries for this account alone: a stranger
  who guesses from elsewhere does not lock its owner out;
* for any other address, the account's wrong tries from anywhere, and the address's for any account. An address may be a
  whole office, so thirty of those are free; sign-ups and requests to reset a password count among them. An IPv6
  address stands for its /64.

An account that does not exist is treated as one that does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from uuid import UUID

from app import db, jobs, security
from app.errors import FaultCode, Invalid, RateLimited
from app.formats import email_address
from app.models import Account, Session, SignInAttempt
from app.security import token_hash
from app.services import sessions
from app.services.sessions import Client

WINDOW = timedelta(minutes=15)
FREE_TRIES = 10
FREE_TRIES_OF_ADDRESS = 30
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = WINDOW
#: More wrong tries beyond the free ones prolong no wait, so they are not counted.
MOST_SURPLUS = 10
KNOWN_FOR = timedelta(days=30)
KEPT_FOR = timedelta(days=1)
LOCK = 1  # sets these advisory locks apart from others


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try for one account. `account_id` and `password_hash` are None if there is no such account."""

    id: UUID
    account_id: UUID | None = None
    password_hash: str | None = None
    stronger_hash: str | None = None


async def begin(email: str, *, client_ip: str, now: datetime) -> Attempt:
    """Counts a try at the account with this e-mail. Commit before the password is looked at. Raises RateLimited."""
    address = _normal(email)
    account = await Account.get_or_none(email=address) if address else None
    attempt_id = await _count(token_hash(address or email), client_ip, account, now)
    if account is None:
        return Attempt(attempt_id)
    return Attempt(attempt_id, account.id, account.password_hash)


async def begin_of(account_id: UUID, *, client_ip: str, now: datetime) -> Attempt:
    """The same for somebody signed in, who proves that he is still the owner."""
    return await begin((await Account.get(id=account_id)).email, client_ip=client_ip, now=now)


async def begin_sign_up(email: str, *, client_ip: str, now: datetime) -> Attempt:
    """Counts a try to create an account, against the address alone: each tells whether an account exists."""
    return await _count_stranger(f"sign-up {email}", client_ip, now)


async def begin_reset(email: str, *, client_ip: str, now: datetime) -> None:
    """Counts a request for a reset, against the address alone: each writes, and may mail, for somebody unknown."""
    await _count_stranger(f"reset {email}", client_ip, now)


async def prove(attempt: Attempt, password: str, *, refusal: Invalid) -> Attempt:
    """Compares; takes a third of a second, the same whether there is an account or not: never in a transaction.

    Raises `refusal` for a wrong password, Overloaded when too many wait.
    """
    if not await security.verify_password(attempt.password_hash, password):
        raise refusal
    assert attempt.password_hash is not None
    if not security.needs_rehash(attempt.password_hash):
        return attempt
    stronger = await security.hash_password(password)
    return Attempt(attempt.id, attempt.account_id, attempt.password_hash, stronger)


async def confirm(attempt: Attempt, *, now: datetime) -> Account:
    """The try was right and no longer counts. Raises WRONG_CREDENTIALS if the password was changed meanwhile."""
    account = await Account.get_or_none(id=attempt.account_id, password_hash=attempt.password_hash)
    if account is None:
        raise wrong_credentials()
    await forgive(attempt)
    if attempt.stronger_hash:
        await Account.filter(id=account.id, password_hash=account.password_hash).update(
            password_hash=attempt.stronger_hash
        )
        jobs.note(account)
    return account


async def forgive(attempt: Attempt) -> None:
    """The try no longer counts as wrong."""
    await SignInAttempt.filter(id=attempt.id).update(succeeded=True)


async def sign_in(
    attempt: Attempt, *, project_id: UUID | None, client: Client, now: datetime
) -> tuple[str, Session]:
    """A session for a proved attempt: in the project asked for, in the only one, or before any.

    Raises NotFound for a project in which the account is not at work.
    """
    account = await confirm(attempt, now=now)
    token, session = await sessions.open_for(account.id, project_id=project_id, client=client, now=now)
    return token, session


def wrong_credentials() -> Invalid:
    """The one answer for an unknown e-mail and for a wrong password."""
    return Invalid.at("password", "The e-mail or the password is wrong.", FaultCode.WRONG_CREDENTIALS)


def wrong_password(path: str = "password") -> Invalid:
    return Invalid.at(path, "This is not your present password.", FaultCode.WRONG_PASSWORD)


def _normal(email: str) -> str | None:
    """As accounts have it; None for what is no address, and so nobody's."""
    try:
        return email_address(email).lower()
    except ValueError:
        return None


async def _count(email_hash: str, client_ip: str, account: Account | None, now: datetime) -> UUID:
    address = _network(client_ip)
    await _one_after_another(email_hash, address)
    await _check_pace(email_hash, address, await _is_known(account, client_ip, now), now)
    return await _record(email_hash, address, now)


async def _count_stranger(what: str, client_ip: str, now: datetime) -> Attempt:
    """A try of which nothing is ever proved right or wrong."""
    address = _network(client_ip)
    await _one_after_another(address)
    await _check_free(FREE_TRIES_OF_ADDRESS, now, client_ip=address)
    return Attempt(await _record(token_hash(what), address, now))


async def _record(email_hash: str, address: str, now: datetime) -> UUID:
    attempt = await SignInAttempt.create(email_hash=email_hash, client_ip=address, succeeded=False, at=now)
    return attempt.id


async def _one_after_another(*keys: str) -> None:
    """Tries at one account, and from one address, are counted one by one; SQLite has one writer anyway."""
    if db.dialect() == "postgres":
        for key in keys:
            await db.fetch("SELECT pg_advisory_xact_lock($1::int, hashtext($2))", [LOCK, key])


async def _is_known(account: Account | None, client_ip: str, now: datetime) -> bool:
    if account is None:
        return False
    return await Session.filter(
        account_id=account.id, client_ip=client_ip, created_at__gt=now - KNOWN_FOR
    ).exists()


async def _check_pace(email_hash: str, address: str, is_known: bool, now: datetime) -> None:
    if is_known:
        await _check_free(FREE_TRIES, now, email_hash=email_hash, client_ip=address)
        return
    await _check_free(FREE_TRIES, now, email_hash=email_hash)
    await _check_free(FREE_TRIES_OF_ADDRESS, now, client_ip=address)


async def _check_free(free: int, now: datetime, **whose: Any) -> None:
    wrong = SignInAttempt.filter(succeeded=False, at__gt=now - WINDOW, **whose)
    latest = await wrong.order_by("-at").limit(free + MOST_SURPLUS).values("at")
    if len(latest) < free:
        return
    wait = latest[0]["at"] + wait_after(len(latest) - free) - now
    if wait > timedelta(0):
        seconds = -(-wait // timedelta(seconds=1))
        raise RateLimited(
            f"There were too many wrong tries. Wait {seconds} s and try again.", retry_after_s=seconds
        )


def wait_after(surplus: int) -> timedelta:
    """How long after the latest wrong try, when `surplus` more than the free ones were made."""
    return min(FIRST_WAIT * (1 << min(surplus, MOST_SURPLUS)), LONGEST_WAIT)


def _network(client_ip: str) -> str:
    try:
        address = ip_address(client_ip)
    except ValueError:
        return client_ip[: sessions.LONGEST_ADDRESS]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return str(address)

"""Accounts: signing up, proving and changing the e-mail, the password, accepting an invitation."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import strawberry

from app import models
from app.engine.declare import Table, column
from app.engine.scalars import EmailAddress
from app.jobs import unit_of_work
from app.policy import Level
from app.schema.inputs import given, required
from app.schema.mutations import Act, Returned, mutation
from app.schema.sessions import NewSession, prove_password, signed_in
from app.security import hash_password
from app.services import accounts, invitations, passwords, sessions, sign_in
from app.validation import check

# Whether there was an account, and so a mail to queue, does not show in how long the answer takes.
RESET_REQUEST_TAKES_S = 0.3


class Account(Table, model=models.Account, see=Level.ACCOUNT):
    """A login: one person, possibly an employee of several projects. One sees one's own."""

    name = column(Level.ACCOUNT, "The owner's name.")
    email = column(Level.ACCOUNT, "The address one signs in with.", type=EmailAddress)
    email_verified_at = column(
        Level.ACCOUNT, "When the owner proved that the address is his; null until then."
    )
    created_at = column(Level.ACCOUNT, "When it was made.")


@strawberry.input(description="A new account.")
class AccountCreateInput:
    email: str = required("The address to sign in with. A link to prove it is mailed there.")
    password: str = required("At least 8 characters, at most 1,024 bytes.")
    name: str = required("The owner's name.")


@mutation(Level.ANONYMOUS, own_transaction=True, changes_viewer=True, session=NewSession)
async def account_create(act: Act, input: AccountCreateInput) -> Returned:
    """Signs up, where the installation lets anybody: an account, and a session before any project.

    An address that has an account is answered TAKEN: the answer holds a session or none, so it tells in any case. Whoever
    tries many addresses is slowed down, and the owner of a taken one resets the password, which proves whose it is.
    """
    clean = accounts.check_new(given(input))
    async with unit_of_work() as work:
        attempt = await sign_in.begin_sign_up(clean["email"], client_ip=act.context.client_ip, now=work.now)
        is_taken = await accounts.is_taken(clean["email"])
    if is_taken:
        raise accounts.taken()
    password_hash = await hash_password(clean["password"])
    async with act.unit_of_work():
        account = await accounts.sign_up(
            attempt, email=clean["email"], name=clean["name"], password_hash=password_hash, now=act.now
        )
        opened = await sessions.open_for(account.id, client=act.context.client, now=act.now)
    return await signed_in(act, opened)


@mutation(Level.ACCOUNT)
async def email_verification_request(act: Act) -> Returned:
    """Mails the link that proves the account's address once more."""
    await accounts.request_verification(act.account, now=act.now)
    return {}


@strawberry.input(description="A mailed link.")
class EmailVerifyInput:
    token: str = required("The token from the link.")


@mutation(Level.ANONYMOUS, email_verified_at=datetime)
async def email_verify(act: Act, input: EmailVerifyInput) -> Returned:
    """Proves the account's address by the link that was mailed to it. Works once, for a week."""
    account = await accounts.verify_email(input.token, now=act.now)
    return {"email_verified_at": account.email_verified_at}


@strawberry.input(description="A new address for the account.")
class EmailChangeRequestInput:
    email: str = required("The new address. A link is mailed there.")
    password: str = required("The account's present password.")


@mutation(Level.ACCOUNT, own_transaction=True)
async def email_change_request(act: Act, input: EmailChangeRequestInput) -> Returned:
    """Asks to sign in with another address: mails a link there. The answer is the same if the address has an account."""
    email = accounts.check_email(input.email)
    attempt = await prove_password(act, input.password)
    async with act.unit_of_work():
        account = await sign_in.confirm(attempt, now=act.now)
        await accounts.request_email_change(account, email, now=act.now)
    return {}


@strawberry.input(description="The link that was mailed to the new address.")
class EmailChangeInput:
    token: str = required("The token from the link.")


@mutation(Level.ACCOUNT, account=Account)
async def email_change(act: Act, input: EmailChangeInput) -> Returned:
    """Makes the new address the account's, by the link mailed there. Works once, for a day, for the account that asked."""
    account = await accounts.change_email(act.account, input.token, now=act.now)
    return {"account": account.id}


@strawberry.input(description="A password, and the one that replaces it.")
class PasswordChangeInput:
    current: str = required("The present password.")
    new: str = required("The new one: at least 8 characters, at most 1,024 bytes.")


@mutation(Level.ACCOUNT, own_transaction=True)
async def password_change(act: Act, input: PasswordChangeInput) -> Returned:
    """Changes the password. Every other session of the account ends."""
    clean = check({"new": input.new}, {"new": passwords.new_password}, required=("new",))
    attempt = await prove_password(act, input.current, path="current")
    password_hash = await hash_password(clean["new"])
    async with act.unit_of_work():
        account = await sign_in.confirm(attempt, now=act.now)
        await passwords.change(act.account, account, password_hash=password_hash, now=act.now)
    return {}


@strawberry.input(description="Whose password was forgotten.")
class PasswordResetRequestInput:
    email: str = required("The account's e-mail address.")


@mutation(Level.ANONYMOUS, own_transaction=True)
async def password_reset_request(act: Act, input: PasswordResetRequestInput) -> Returned:
    """Mails a link to set a new password, if there is an account. The answer is the same if there is none.

    Whoever asks for many is slowed down.
    """
    email = accounts.check_email(input.email)
    async with _taking(RESET_REQUEST_TAKES_S), act.unit_of_work():
        await sign_in.begin_reset(email, client_ip=act.context.client_ip, now=act.now)
        await passwords.request_reset(email, now=act.now)
    return {}


@strawberry.input(description="A mailed link, and the password to set.")
class PasswordResetInput:
    token: str = required("The token from the link.")
    password: str = required("The new password: at least 8 characters, at most 1,024 bytes.")


@mutation(Level.ANONYMOUS, own_transaction=True, changes_viewer=True, session=NewSession)
async def password_reset(act: Act, input: PasswordResetInput) -> Returned:
    """Sets a new password by a mailed link and signs in. Every session of the account ends before.

    The link works once, for 30 minutes, and not after the e-mail or the password was changed.
    """
    clean = check({"password": input.password}, {"password": passwords.new_password}, required=("password",))
    async with unit_of_work() as work:
        await passwords.check_reset(input.token, now=work.now)
    password_hash = await hash_password(clean["password"])
    async with act.unit_of_work():
        opened = await passwords.reset(
            input.token, password_hash=password_hash, client=act.context.client, now=act.now
        )
    return await signed_in(act, opened)


@strawberry.input(description="The link of an invitation, and a password.")
class InvitationAcceptInput:
    token: str = required("The token from the link.")
    password: str = required(
        "Who has an account with a proved address gives its present password; anybody else chooses one now."
    )


@mutation(Level.ANONYMOUS, own_transaction=True, changes_viewer=True, session=NewSession)
async def invitation_accept(act: Act, input: InvitationAcceptInput) -> Returned:
    """Joins a project by a mailed invitation, once, and signs in there. It proves the address.

    An account that never proved the address may have been made by somebody else: its password is replaced and its
    sessions end.
    """
    async with unit_of_work() as work:
        acceptance = await invitations.look_up(input.token, client_ip=act.context.client_ip, now=work.now)
    password_hash = await _proved_or_hashed(acceptance, input.password)
    async with act.unit_of_work():
        opened = await invitations.accept(
            input.token, acceptance, password_hash=password_hash, client=act.context.client, now=act.now
        )
    return await signed_in(act, opened)


async def _proved_or_hashed(acceptance: invitations.Acceptance, password: str) -> str | None:
    """The hash of a new password; None where the account's present one was proved."""
    if acceptance.attempt is not None:
        await sign_in.prove(acceptance.attempt, password, refusal=sign_in.wrong_password())
        return None
    clean = check({"password": password}, {"password": passwords.new_password}, required=("password",))
    return await hash_password(clean["password"])


@asynccontextmanager
async def _taking(seconds: float) -> AsyncIterator[None]:
    """The block takes this long, however quickly it is done."""
    ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        await asyncio.sleep(max(0.0, ends_at - time.monotonic()))

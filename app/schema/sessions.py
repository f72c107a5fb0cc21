"""Sessions: signing in and out, entering a project, ending sessions elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from app import models
from app.engine.assemble import held
from app.engine.declare import Record, Table, column, computed, to_one
from app.engine.guards import value
from app.engine.ids import global_id
from app.errors import FaultCode, Invalid
from app.jobs import unit_of_work
from app.policy import AccountViewer, Level, Viewer
from app.schema.employees import Employee
from app.schema.inputs import given, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import sessions
from app.services import sign_in as attempts
from app.services.sign_in import Attempt


async def _is_current(records: Sequence[Record], viewer: Viewer) -> Sequence[bool]:
    present = viewer.session_id if isinstance(viewer, AccountViewer) else None
    return [record["id"] == present for record in records]


class Session(Table, model=models.Session, see=Level.ACCOUNT):
    """A device that is signed in to the viewer's account, in whatever project."""

    created_at = column(Level.ACCOUNT, "When it signed in.")
    last_used_at = column(Level.ACCOUNT, "When it was last used, to the minute.")
    expires_at = column(Level.ACCOUNT, "When it ends if it is not used until then.")
    user_agent = column(Level.ACCOUNT, "What the program said it is.")
    client_ip = column(Level.ACCOUNT, "The network address it was last used from.")
    project = to_one(
        "Project",
        Level.ACCOUNT,
        "The project it is in: null before one is entered, or for another.",
        via="project_id",
    )
    current = computed(bool, Level.ACCOUNT, "Whether it is the session that asks.", _is_current)


@value(Level.ANONYMOUS)
class NewSession:
    """A session that has just begun. Its token is shown this once."""

    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`, or in connection_init.")
    expires_at: datetime = strawberry.field(
        description="When it ends if it is not used until then; use prolongs it."
    )
    employee: Employee | None = held(
        Level.ACCOUNT,
        "Who the session acts as. Null before a project is entered (`projectEnter`).",
        "Employee",
    )


async def signed_in(act: Act, opened: tuple[str, models.Session]) -> Returned:
    """The payload of a mutation that made a session; the rest of the answer is read as its viewer.

    Call it after the unit of work was closed.
    """
    token, session = opened
    await act.become(token)
    return {"session": new_session(token, session)}


def new_session(token: str, session: models.Session) -> NewSession:
    """The session as it is shown; the employee is held by his id."""
    employee_id: Any = session.employee_id
    return NewSession(token=token, expires_at=session.expires_at, employee=employee_id)


async def prove_password(act: Act, password: str, *, path: str = "password") -> Attempt:
    """The viewer proves that he is the account's owner. Slow: call it before the unit of work, never inside.

    Inside of it, `services.sign_in.confirm` the attempt. Raises Invalid (WRONG_PASSWORD) at `path`; RateLimited after ten wrong tries.
    """
    async with act.unit_of_work():  # whoever lost the right meanwhile learns nothing of passwords
        attempt = await attempts.begin_of(
            act.account.account_id, client_ip=act.context.client_ip, now=act.now
        )
    return await attempts.prove(attempt, password, refusal=attempts.wrong_password(path))


@strawberry.input(description="Who signs in.")
class SignInInput:
    email: str = required("The account's e-mail address.")
    password: str = required("Its password.")
    project_id: strawberry.ID | None = optional(
        "The project to enter. Without it the only project is entered, or none if there are several.",
        id_of="Project",
    )


@mutation(Level.ANONYMOUS, own_transaction=True, changes_viewer=True, session=NewSession)
async def sign_in(act: Act, input: SignInInput) -> Returned:
    """Signs in. An unknown e-mail and a wrong password get the same answer; after ten wrong tries one must wait."""
    sent = given(input)
    async with unit_of_work() as work:
        attempt = await attempts.begin(sent["email"], client_ip=act.context.client_ip, now=work.now)
    attempt = await attempts.prove(attempt, sent["password"], refusal=attempts.wrong_credentials())
    async with act.unit_of_work():
        opened = await attempts.sign_in(
            attempt, project_id=sent.get("project_id"), client=act.context.client, now=act.now
        )
    return await signed_in(act, opened)


@mutation(Level.ACCOUNT)
async def sign_out(act: Act) -> Returned:
    """Ends the session that asks. Its token is worth nothing from then on."""
    await sessions.revoke_visible(act.account, act.account.session_id, now=act.now)
    return {}


@strawberry.input(description="The project to work in.")
class ProjectEnterInput:
    project_id: strawberry.ID = required("One of `projects`.", id_of="Project")


@mutation(Level.ACCOUNT, own_transaction=True, changes_viewer=True, session=NewSession)
async def project_enter(act: Act, input: ProjectEnterInput) -> Returned:
    """Begins to work in a project. The token is replaced: the one that asked is worth nothing from then on."""
    async with act.unit_of_work():
        opened = await sessions.enter(act.account, client=act.context.client, now=act.now, **given(input))
    return await signed_in(act, opened)


@strawberry.input(
    description="Which sessions end: one by its id, or all but the present one. Send one of the two."
)
class SessionRevokeInput:
    id: strawberry.ID | None = optional("The session to end; the present one may be it.", id_of="Session")
    all: bool | None = optional("True: every session of the account but the present one.")


@mutation(Level.ACCOUNT, revoked_session_id=strawberry.ID, revoked_session_ids=list[strawberry.ID])
async def session_revoke(act: Act, input: SessionRevokeInput) -> Returned:
    """Signs other devices out, in whatever project they are. Their sockets close."""
    sent = given(input)
    session_id, ends_all = sent.get("id"), bool(sent.get("all"))
    if ends_all == (session_id is not None):
        raise Invalid.at("id", "Name one session, or say all: true.", FaultCode.INVALID)
    if ends_all:
        return _revoked(await sessions.revoke_others(act.account, now=act.now))
    assert session_id is not None
    return _revoked([await sessions.revoke_visible(act.account, session_id, now=act.now)])


def _revoked(ids: Sequence[UUID]) -> Returned:
    ended = [global_id("Session", each) for each in ids]
    return {"revoked_session_id": ended[0] if len(ended) == 1 else None, "revoked_session_ids": ended}

"""Sessions: who a token stands for, how long, and how that ends.

The database says who a token stands for. A process believes what it read for one second at most, and forgets it the
moment a bell tells that the account's rights changed; a mutation reads it again inside its transaction.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app import db, db_rows, jobs
from app.coalesce import Coalescer
from app.config import settings
from app.errors import NotFound, Unanswered
from app.models import Employee, EmployeeStatus, Session, batches
from app.policy import AccountViewer, Viewer
from app.security import new_token, token_hash
from app.services import session_rows
from app.services.beliefs import Beliefs
from app.services.session_rows import SessionRow

BELIEVED = Beliefs()
CHANNEL = "viewers:"
TOUCHED_EVERY = timedelta(minutes=1)
MOST_PER_ACCOUNT = 50
LONGEST_USER_AGENT = 300
LONGEST_ADDRESS = 45
#: Whose a session is, for the audit log.
OF_SESSION = ("project_id", "account_id", "employee_id")


class Client(Protocol):
    """The other end of the connection."""

    @property
    def ip(self) -> str: ...

    @property
    def user_agent(self) -> str: ...


async def authenticate(token: str | None, client: Client, *, anew: bool = False) -> Viewer:
    """Who asks; the anonymous viewer for no token. At most one second old, and never older than this process knows;
    with `anew` read from the database after this call.

    Using a session prolongs it, which is written once a minute. Those who ask in the same moment are looked up
    together, outside of the caller's transaction. Raises Unauthenticated for a token that is unknown, expired or
    revoked, whose employee is not active, or whose project waits for its deletion.
    """
    if token is None:
        return Viewer()
    hashed = token_hash(token)
    if not anew and (believed := BELIEVED.get(hashed)) is not None:
        return believed
    return await _look_up((hashed, client.ip))


async def _look_up_all(asked: Sequence[tuple[str, str]]) -> list[AccountViewer | Exception]:
    """The viewers behind `(token hash, client's address)`."""
    started, generation = time.monotonic(), BELIEVED.generation
    found = await session_rows.alive([hashed for hashed, _ in asked])
    await _touch(dict(asked), found)
    for hashed, row in found.items():
        BELIEVED.put(hashed, row.viewer, started, generation)
    return [found[hashed].viewer if hashed in found else session_rows.ended() for hashed, _ in asked]


_look_up = Coalescer(_look_up_all)


async def read(token: str) -> AccountViewer:
    """Who the token stands for, straight from the database and in the current transaction. Raises Unauthenticated."""
    viewer, _ = await session_rows.viewer_of(token_hash(token))
    return viewer


async def start(
    account_id: UUID,
    *,
    employee: Employee | None,
    client_ip: str,
    user_agent: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> tuple[str, Session]:
    """A new session, in the employee's project or before any, and its token, which is stored nowhere.

    It ends at `ends_at` at the latest, if that is sooner than any session would. Of more than 50 living sessions of one
    account the least recently used end.
    """
    token = new_token()
    ends_at = min(filter(None, (ends_at, now + timedelta(days=settings().session_max_days))))
    session = await Session.create(
        account_id=account_id,
        project_id=employee.project_id if employee else None,
        employee_id=employee.id if employee else None,
        token_hash=token_hash(token),
        created_at=now,
        last_used_at=now,
        expires_at=_idle_end(now, ends_at),
        absolute_expires_at=ends_at,
        user_agent=_printable(user_agent)[:LONGEST_USER_AGENT],
        client_ip=client_ip[:LONGEST_ADDRESS],
    )
    jobs.act_as(account_id, session.employee_id, session.project_id)
    jobs.note(session)
    await _end_surplus(account_id, now)
    return token, session


async def open_for(
    account_id: UUID, *, project_id: UUID | None = None, client: Client, now: datetime
) -> tuple[str, Session]:
    """A new session in the project asked for; without one, in the account's only project, or before any.

    Raises NotFound for a project in which the account is not at work.
    """
    at_work = [each async for each in _at_work(account_id, project_id).limit(2)]
    if project_id is not None and not at_work:
        raise _no_such_project()
    employee = at_work[0] if len(at_work) == 1 else None
    return await start(
        account_id, employee=employee, client_ip=client.ip, user_agent=client.user_agent, now=now
    )


async def enter(
    viewer: AccountViewer, *, project_id: UUID, client: Client, now: datetime
) -> tuple[str, Session]:
    """Exchanges the viewer's session for one in this project, which lasts no longer than the old one might have.

    Raises NotFound for a project in which the account is not at work.
    """
    employee = await _at_work(viewer.account_id, project_id).first()
    if employee is None:
        raise _no_such_project()
    left = await Session.get(id=viewer.session_id)
    await revoke(viewer.account_id, left.id, now=now)
    return await start(
        viewer.account_id,
        employee=employee,
        client_ip=client.ip,
        user_agent=client.user_agent,
        now=now,
        ends_at=left.absolute_expires_at,
    )


async def revoke(account_id: UUID, session_id: UUID, *, now: datetime) -> bool:
    """Ends one session of the account; False if it had ended already."""
    ended = await end(Q(id=session_id, account_id=account_id), now=now)
    viewers_changed(account_id)
    return bool(ended)


async def revoke_all(account_id: UUID, *, now: datetime, but: UUID | None = None) -> int:
    """Ends the account's sessions in every project, except the one with the id `but`; tells how many."""
    living = Q(account_id=account_id, absolute_expires_at__gt=now)
    ended = await end(living & ~Q(id=but) if but else living, now=now)
    viewers_changed(account_id)
    return len(ended)


async def revoke_of_employee(employee: Employee, *, now: datetime) -> int:
    """Ends the sessions in the employee's project, so that they do not revive with him; tells how many."""
    ended = await end(Q(employee_id=employee.id), now=now)
    if employee.account_id is not None:
        viewers_changed(employee.account_id)
    return len(ended)


async def end(which: Q, *, now: datetime) -> list[UUID]:
    """Ends those of these sessions that have not ended; the account of each. Whose bells to ring is for the caller to say."""
    if not await Session.filter(which, revoked_at=None).update(revoked_at=now):
        return []
    accounts: list[UUID] = []
    async for some in batches(Session.filter(which, revoked_at=now), "id", *OF_SESSION):
        for session in some:
            jobs.note(session, {"revoked_at": [None, now]})
        accounts += [session.account_id for session in some]
        await jobs.write_notes()
    return accounts


async def revoke_visible(viewer: AccountViewer, session_id: UUID, *, now: datetime) -> UUID:
    """Ends one of the viewer's own sessions, the present one too. Raises NotFound for one that is not, or ended."""
    session = await Session.get_visible(viewer, session_id)
    await revoke(viewer.account_id, session.id, now=now)
    return session.id


async def revoke_others(viewer: AccountViewer, *, now: datetime) -> list[UUID]:
    """Ends every session of the viewer's account but the present one; tells which."""
    others = await Session.visible_to(viewer).exclude(id=viewer.session_id).order_by("id")
    await revoke_all(viewer.account_id, now=now, but=viewer.session_id)
    return [session.id for session in others]


def viewers_changed(account_id: UUID) -> None:
    """After the commit every process forgets what it believed of this account, and checks its sockets."""
    jobs.ring(f"{CHANNEL}{account_id}")


async def viewers_of_partner_changed(partner_id: UUID) -> None:
    """The same for everybody who works here for this partner: what is shared with it changed."""
    people = Employee.filter(partner_id=partner_id, status=EmployeeStatus.ACTIVE, account_id__isnull=False)
    for row in await people.values("account_id"):
        viewers_changed(row["account_id"])


def forget(account_id: UUID | str) -> None:
    """Drops what this process believes of the account. For whoever hears the bell `viewers:<account id>`."""
    BELIEVED.forget(UUID(str(account_id)))


def _at_work(account_id: UUID, project_id: UUID | None) -> QuerySet[Employee]:
    """The account's active memberships of projects that go on; only that of `project_id` if there is one."""
    places = Employee.filter(Employee.of_account_q(account_id), project__deletion_requested_at=None)
    return places.filter(project_id=project_id) if project_id else places


def _no_such_project() -> NotFound:
    return NotFound("There is no such project.", input_path=("project_id",))


_TOUCH = """
    UPDATE sessions SET last_used_at = $1, expires_at = used.expires_at, client_ip = used.client_ip
    FROM {used} WHERE sessions.id = used.id AND sessions.id IN (
        SELECT id FROM sessions WHERE id IN (SELECT used.id FROM {used}) AND revoked_at IS NULL {lock}
    )
"""
# Whoever holds a session at this moment uses or ends it: it need not be waited for.
_LOCK = {"postgres": "FOR NO KEY UPDATE SKIP LOCKED", "sqlite": ""}


async def _touch(ips: Mapping[str, str], found: Mapping[str, SessionRow]) -> None:
    """Notes the use of those not used for a minute, and prolongs them. Nothing happens to one that was revoked meanwhile."""
    used = [
        {
            "id": row.viewer.session_id,
            "expires_at": _idle_end(row.now, row.absolute_expires_at),
            "client_ip": ips[hashed][:LONGEST_ADDRESS],
        }
        for hashed, row in found.items()
        if row.now - row.last_used_at >= TOUCHED_EVERY
    ]
    if not used:
        return
    now = next(iter(found.values())).now
    source = db_rows.unpacked(
        db.dialect(), "$2", "used", id="uuid", expires_at="timestamptz", client_ip="text"
    )
    # The next request notes it; this one only wants to read, and a full or read-only database lets it.
    with suppress(Unanswered):
        await db.fetch(_TOUCH.format(used=source, lock=_LOCK[db.dialect()]), [now, db_rows.packed(used)])


def _idle_end(now: datetime, ends_at: datetime) -> datetime:
    return min(now + timedelta(days=settings().session_idle_days), ends_at)


async def _end_surplus(account_id: UUID, now: datetime) -> None:
    living = Session.filter(account_id=account_id, revoked_at=None, expires_at__gt=now)
    surplus = (
        await living.order_by("-last_used_at", "-id")
        .offset(MOST_PER_ACCOUNT)
        .limit(100)
        .values_list("id", flat=True)
    )
    if surplus:
        await end(Q(id__in=surplus), now=now)
        viewers_changed(account_id)


def _printable(sent: str) -> str:
    return "".join(character for character in sent[: 2 * LONGEST_USER_AGENT] if character.isprintable())


jobs.listen(CHANNEL, forget)

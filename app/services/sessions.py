"""Sessions: who a token stands for, how long, and how that ends.

The database says who a token stands for. A process believes what it read for one second at most, and forgets it the
moment a bell tells that the account's rights changed; a mutation reads it again inside its transaction.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from app import db, jobs
from app.config import settings
from app.errors import Unauthenticated
from app.models import DivisionScope, Employee, EmployeeDivision, EmployeeStatus, Session
from app.policy import AccountViewer, Flag, Member, Role, Viewer, grants_of, is_external
from app.security import new_token, token_hash

CHANNEL = "viewers:"
BELIEVED_FOR_S = 1.0
MOST_BELIEVED = 10_000
TOUCHED_EVERY = timedelta(minutes=1)
MOST_PER_ACCOUNT = 50
LONGEST_USER_AGENT = 300
LONGEST_ADDRESS = 45

COLUMNS = (
    "id",
    "account_id",
    "project_id",
    "employee_id",
    "last_used_at",
    "absolute_expires_at",
    "project__deletion_requested_at",
    *(f"employee__{name}" for name in ("status", "roles", "division_scope", "partner_id")),
    *(f"employee__{flag}" for flag in ("can_delete_contacts", "can_send_bulk_email")),
)


class Client(Protocol):
    """The other end of the connection."""

    @property
    def ip(self) -> str: ...

    @property
    def user_agent(self) -> str: ...


async def authenticate(token: str | None, client: Client) -> Viewer:
    """Who asks; the anonymous viewer for no token. At most one second old, and never older than this process knows.

    Using a session prolongs it, which is written once a minute. Raises Unauthenticated for a token that is unknown,
    expired or revoked, whose employee is not active, or whose project waits for its deletion.
    """
    if token is None:
        return Viewer()
    hashed = token_hash(token)
    if (believed := BELIEVED.get(hashed)) is not None:
        return believed
    started, generation = time.monotonic(), BELIEVED.generation
    now = await db.now()
    row = await _alive(hashed, now)
    await _touch(row, client, now)
    viewer = await _viewer(row)
    BELIEVED.put(hashed, viewer, started, generation)
    return viewer


async def read(token: str, *, now: datetime | None = None) -> AccountViewer:
    """Who the token stands for, straight from the database and in the current transaction. Raises Unauthenticated."""
    return await _viewer(await _alive(token_hash(token), now or await db.now()))


async def start(
    account_id: UUID, *, employee: Employee | None, client_ip: str, user_agent: str, now: datetime
) -> tuple[str, Session]:
    """A new session, in the employee's project or before any, and its token, which is stored nowhere.

    Of more than 50 living sessions of one account the least recently used end.
    """
    token = new_token()
    ends_at = now + timedelta(days=settings().session_max_days)
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
    await _end_surplus(account_id, now)
    return token, session


async def revoke(account_id: UUID, session_id: UUID, *, now: datetime) -> bool:
    """Ends one session of the account; False if it had ended already."""
    ended = await Session.filter(id=session_id, account_id=account_id, revoked_at=None).update(revoked_at=now)
    viewers_changed(account_id)
    return bool(ended)


async def revoke_all(account_id: UUID, *, now: datetime, but: UUID | None = None) -> int:
    """Ends the account's sessions in every project, except the one with the id `but`; tells how many."""
    living = Session.filter(account_id=account_id, revoked_at=None, absolute_expires_at__gt=now)
    ended = await (living.exclude(id=but) if but else living).update(revoked_at=now)
    viewers_changed(account_id)
    return ended


async def revoke_of_employee(employee: Employee, *, now: datetime) -> int:
    """Ends the sessions in the employee's project, so that they do not revive with him; tells how many."""
    ended = await Session.filter(employee_id=employee.id, revoked_at=None).update(revoked_at=now)
    if employee.account_id is not None:
        viewers_changed(employee.account_id)
    return ended


def viewers_changed(account_id: UUID) -> None:
    """After the commit every process forgets what it believed of this account, and checks its sockets."""
    jobs.ring(f"{CHANNEL}{account_id}")


def forget(account_id: UUID | str) -> None:
    """Drops what this process believes of the account. For whoever hears the bell `viewers:<account id>`."""
    BELIEVED.forget(UUID(str(account_id)))


async def _alive(hashed: str, now: datetime) -> Mapping[str, Any]:
    """The row behind a token that may be used."""
    rows: list[dict[str, Any]] = await Session.filter(
        token_hash=hashed, revoked_at=None, expires_at__gt=now, absolute_expires_at__gt=now
    ).values(*COLUMNS)
    if not rows or not _may_work(rows[0]):
        raise Unauthenticated("This session has ended. Sign in again.")
    return rows[0]


def _may_work(row: Mapping[str, Any]) -> bool:
    """An account alone always; an employee while he is active and the project is not to be deleted."""
    if row["employee_id"] is None:
        return True
    return row["employee__status"] is EmployeeStatus.ACTIVE and row["project__deletion_requested_at"] is None


async def _touch(row: Mapping[str, Any], client: Client, now: datetime) -> None:
    """Notes the use and prolongs the session. Nothing happens to one that was revoked meanwhile."""
    if now - row["last_used_at"] < TOUCHED_EVERY:
        return
    await Session.filter(id=row["id"], revoked_at=None).update(
        last_used_at=now,
        expires_at=_idle_end(now, row["absolute_expires_at"]),
        client_ip=client.ip[:LONGEST_ADDRESS],
    )


def _idle_end(now: datetime, ends_at: datetime) -> datetime:
    return min(now + timedelta(days=settings().session_idle_days), ends_at)


async def _viewer(row: Mapping[str, Any]) -> AccountViewer:
    if row["employee_id"] is None:
        return AccountViewer(account_id=row["account_id"], session_id=row["id"])
    roles: tuple[Role, ...] = row["employee__roles"]
    partner_id: UUID | None = row["employee__partner_id"]
    grants = grants_of(roles, _flags(row), external=is_external(roles, partner_id))
    return Member(
        account_id=row["account_id"],
        session_id=row["id"],
        employee_id=row["employee_id"],
        project_id=row["project_id"],
        roles=frozenset(roles),
        grants=grants,
        division_ids=await _division_ids(row),
        partner_id=partner_id,
    )


def _flags(row: Mapping[str, Any]) -> list[Flag]:
    return [flag for flag in Flag if row[f"employee__{flag.name.lower()}"]]


async def _division_ids(row: Mapping[str, Any]) -> frozenset[UUID] | None:
    if row["employee__division_scope"] is DivisionScope.ALL:
        return None
    chosen = EmployeeDivision.filter(employee_id=row["employee_id"], project_id=row["project_id"])
    return frozenset([row["division_id"] for row in await chosen.values("division_id")])


async def _end_surplus(account_id: UUID, now: datetime) -> None:
    living = Session.filter(account_id=account_id, revoked_at=None, expires_at__gt=now)
    surplus = (
        await living.order_by("-last_used_at", "-id")
        .offset(MOST_PER_ACCOUNT)
        .limit(100)
        .values_list("id", flat=True)
    )
    if surplus:
        await Session.filter(id__in=surplus).update(revoked_at=now)
        viewers_changed(account_id)


def _printable(sent: str) -> str:
    return "".join(character for character in sent[: 2 * LONGEST_USER_AGENT] if character.isprintable())


@dataclass(frozen=True, slots=True)
class Belief:
    viewer: AccountViewer
    read_at: float


class Beliefs:
    """What this process read of sessions within the last second, by token hash; the oldest give way to new ones."""

    def __init__(self) -> None:
        self._by_hash: OrderedDict[str, Belief] = OrderedDict()
        self.generation = 0

    def get(self, hashed: str) -> AccountViewer | None:
        belief = self._by_hash.get(hashed)
        if belief is None or time.monotonic() - belief.read_at >= BELIEVED_FOR_S:
            return None
        return belief.viewer

    def put(self, hashed: str, viewer: AccountViewer, read_at: float, generation: int) -> None:
        """Not kept if anything was forgotten since `generation`: it may have been read before that commit."""
        if generation != self.generation:
            return
        self._by_hash[hashed] = Belief(viewer, read_at)
        self._by_hash.move_to_end(hashed)
        if len(self._by_hash) > MOST_BELIEVED:
            self._by_hash.popitem(last=False)

    def forget(self, account_id: UUID) -> None:
        self.generation += 1
        gone = [hashed for hashed, belief in self._by_hash.items() if belief.viewer.account_id == account_id]
        for hashed in gone:
            del self._by_hash[hashed]

    def clear(self) -> None:
        self.generation += 1
        self._by_hash.clear()


BELIEVED = Beliefs()

jobs.listen(CHANNEL, forget)

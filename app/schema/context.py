"""What resolvers find in `info.context`: who asks, from where, under which request id."""

import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar
from uuid import UUID

from app import db
from app.errors import Unauthenticated
from app.formats import ip_address_or_empty
from app.jobs import Origin
from app.policy import Guard, Level, Member, SignedOut, Viewer
from app.schema import metering
from app.security import token_hash
from app.services import read_budget, session_rows

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The other end of the connection. `ip` may be given as anybody told it: it is an address, or empty."""

    ip: str
    user_agent: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "ip", ip_address_or_empty(self.ip))


#: What came as the session's token: none, one, or why it cannot be one.
SentToken = str | Unauthenticated | None


class Authenticate(Protocol):
    """Who asks. With `anew` nothing is believed that was read before the call."""

    async def __call__(self, token: str | None, client: ClientInfo, /, *, anew: bool = False) -> Viewer:
        """Anonymous for no token; raises errors.Unauthenticated for one that is unknown, expired or revoked."""


@lru_cache(maxsize=2_000)
def _key(secret: str, purpose: bytes, scope: bytes) -> bytes:
    return hmac.digest(secret.encode(), purpose + scope, "sha256")


@dataclass(slots=True)
class Context:
    """One operation's context: made anew for each, on sockets too."""

    viewer: Viewer
    token: str | None = field(repr=False)
    client: ClientInfo
    request_id: str
    authenticate: Authenticate = field(repr=False)
    hub: Any = None
    settings: Any = None
    #: A subscription that waits puts here what wakes it, so that it looks again whether it may go on.
    wake: Callable[[], None] | None = field(default=None, repr=False)
    #: While a mutation runs: decides anew what it was sent, for its viewer as the transaction sees them; and for whom it
    #: was decided. Raises GraphQLError.
    decide_inputs: Callable[[Viewer], None] | None = field(default=None, repr=False)
    decided_for: Viewer | None = field(default=None, repr=False)

    @classmethod
    async def open(
        cls,
        token: SentToken,
        client: ClientInfo,
        request_id: str,
        authenticate: Authenticate,
        hub: Any = None,
        settings: Any = None,
    ) -> "Context":
        """For who sent this token. One that is no session's is as good as none: what needs a session is refused, and what
        needs none runs, so that a client may sign in while it still sends a token that ended.
        """
        try:
            if isinstance(token, Unauthenticated):
                raise token
            viewer = await authenticate(token, client)
        except Unauthenticated as ended:
            token, viewer = None, SignedOut(str(ended))
        return cls(viewer, token, client, request_id, authenticate, hub, settings)

    @property
    def cursor_key(self) -> bytes:
        """Signs the cursors of the viewer's project, so that those of another are told apart."""
        scope = self.viewer.project_id.bytes if isinstance(self.viewer, Member) else b"no project"
        return _key(self.settings.secret_key, b"cursor", scope)

    async def count_shown(self, ids: Collection[UUID], *, is_done: bool) -> None:
        """Counts what is shown to a viewer who reads within a budget. Raises RateLimited above it, unless it `is_done`."""
        await metering.count_shown(self._reading, ids, is_done=is_done)

    async def count_searches(self, questions: Collection[bytes]) -> None:
        """Counts searches of a viewer who reads within a budget, before they are made. Raises RateLimited above it.

        What was asked is kept under a key of the viewer's own, so nobody can read it.
        """
        if isinstance(self.viewer, Member):
            key = _key(self.settings.secret_key, b"question", self.viewer.employee_id.bytes)
            hashes = sorted(hmac.digest(key, each, "sha256").hex() for each in questions)
            await metering.count_searches(self._reading, hashes)

    @property
    def _reading(self) -> Origin:
        return Origin(read_budget.ACTION, self.viewer, self.request_id, self.client_ip)

    @property
    def client_ip(self) -> str:
        return self.client.ip

    @property
    def user_agent(self) -> str:
        return self.client.user_agent

    async def look_inside_transaction(self) -> tuple[Viewer, datetime]:
        """The viewer as the current transaction sees him, which a mutation decides by, and the database's clock.

        Nobody, as in `open`, if their session ended meanwhile.
        """
        if self.token is None:
            return self.viewer, await db.now()
        try:
            self.viewer, now = await session_rows.viewer_of(token_hash(self.token))
        except Unauthenticated as ended:
            self.viewer, now = SignedOut(str(ended)), await db.now()
        return self.viewer, now

    async def refresh(self, *, anew: bool = False) -> Viewer:
        """The viewer as of now, kept in the context. For each event of a subscription: rights change under it.

        Raises Unauthenticated if the session is gone.
        """
        if self.token is not None:
            self.viewer = await self.authenticate(self.token, self.client, anew=anew)
        return self.viewer

    async def read_as_viewer(self, guard: Guard, read: Callable[[Member], Awaitable[Read]]) -> Read:
        """What `read(viewer)` finds for the member who `self.viewer` is afterwards. For the source of a subscription.

        He is looked up after it was read: so whatever was written after his rights were withdrawn is never found, however
        late this process hears of that. Raises Unauthenticated, and the guard's refusal.
        """
        while True:
            viewer = self._member(guard)
            found = await read(viewer)
            await self.refresh(anew=True)
            if self._member(guard) == viewer:
                return found

    def _member(self, guard: Guard) -> Member:
        self.viewer.require(guard)
        if not isinstance(self.viewer, Member):
            raise Level.MEMBER.refusal(self.viewer)
        return self.viewer

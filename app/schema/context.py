"""What resolvers find in `info.context`: who asks, from where, under which request id."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from app import db
from app.policy import Member, Viewer
from app.security import token_hash
from app.services import session_rows


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The other end of the connection."""

    ip: str
    user_agent: str


# Anonymous for no token; raises errors.Unauthenticated for one that is unknown, expired or revoked.
Authenticate = Callable[[str | None, ClientInfo], Awaitable[Viewer]]


@lru_cache(maxsize=2_000)
def _cursor_key(secret: str, scope: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"cursor" + scope, "sha256")


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

    @property
    def cursor_key(self) -> bytes:
        """Signs the cursors of the viewer's project, so that those of another are told apart."""
        scope = self.viewer.project_id.bytes if isinstance(self.viewer, Member) else b"no project"
        return _cursor_key(self.settings.secret_key, scope)

    @property
    def client_ip(self) -> str:
        return self.client.ip

    @property
    def user_agent(self) -> str:
        return self.client.user_agent

    async def look_inside_transaction(self) -> tuple[Viewer, datetime]:
        """The viewer as the current transaction sees him, which a mutation decides by, and the database's clock.

        Raises Unauthenticated.
        """
        if not self.token:
            self.viewer, now = Viewer(), await db.now()
        else:
            self.viewer, now = await session_rows.viewer_of(token_hash(self.token))
        return self.viewer, now

    async def refresh(self) -> Viewer:
        """The viewer as of now, kept in the context. For each event of a subscription: rights change under it.

        Raises Unauthenticated if the session is gone.
        """
        self.viewer = await self.authenticate(self.token, self.client)
        return self.viewer

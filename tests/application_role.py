"""PostgreSQL as an installation has it: the tables are the owner's, and the application runs as a role that owns nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app import db
from app.services import audit_rights

ROLE = "divize_app"


async def make_role(url: str) -> str:
    """The role in the server behind the owner's URL; the URL that it uses itself."""
    owner = await asyncpg.connect(url)
    try:
        if not await owner.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
            await owner.execute(f"CREATE ROLE {ROLE} LOGIN")
    finally:
        await owner.close()
    return url.replace("postgres@", f"{ROLE}@", 1)


@asynccontextmanager
async def as_application(url: str) -> AsyncIterator[None]:
    """Connected as the application's role, after the owner granted it what it needs."""
    own_url = await make_role(url)
    await db.connect(url, pool_size=1)
    await audit_rights.grant_to(ROLE)
    await db.close()
    await db.connect(own_url, pool_size=5)
    try:
        yield
    finally:
        await db.close()

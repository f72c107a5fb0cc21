"""A process of a test: `python -m tests.db_models.process migrate|index|write URL`."""

import asyncio
import sys

from tortoise.transactions import in_transaction

from app import db
from tests.db_models.league import CHANGED, INDEXED, MODELS

TRANSACTIONS = 150


async def migrate() -> None:
    sys.stdout.write(" ".join(await db.migrate()))


async def write() -> None:
    """Transactions that read before they write, in two processes at once: what SQLite refuses to a plain BEGIN."""
    await db.fetch("INSERT INTO writers VALUES (1)")
    while len(await db.fetch("SELECT 1 FROM writers")) < 2:
        await asyncio.sleep(0.01)
    for _ in range(TRANSACTIONS):
        async with in_transaction():
            await db.fetch("SELECT number FROM counters WHERE id = 1")
            await db.fetch("UPDATE counters SET number = number + 1 WHERE id = 1")


async def main(task: str, url: str) -> None:
    await db.connect(url, models=MODELS, migrations=INDEXED if task == "index" else CHANGED)
    try:
        await {"migrate": migrate, "index": migrate, "write": write}[task]()
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

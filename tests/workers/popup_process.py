"""A worker's timer alone, as a process that can be killed: `python -m tests.workers.popup_process DATABASE_URL`."""

import asyncio
import sys

from app import config, db
from app.config import TEST_SECRET_KEY
from app.workers import reminders


async def open_windows_for_ever(database_url: str) -> None:
    config.use(
        config.load(
            environment="test",
            secret_key=TEST_SECRET_KEY,
            database_url=database_url,
            redis_url="unix:///unused",
            public_url="https://crm.example.com",
            smtp_url="smtp://localhost:25",
            smtp_from="divize@example.com",
        )
    )
    await db.connect(database_url, pool_size=2)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        await reminders.open_windows()


if __name__ == "__main__":
    asyncio.run(open_windows_for_ever(sys.argv[1]))

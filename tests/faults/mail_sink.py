"""A mail server that counts: how often each Message-ID was accepted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session


class MailSink:
    """`accepted` counts Message-IDs. Each answer to a final dot comes after `answer_after_s`; the mail counts before."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.answer_after_s = 0.0
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["MailSink"]:
        sink = cls()
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(sink, hostname="localhost", enable_SMTPUTF8=True), host="127.0.0.1", port=0
        )
        sink.port = server.sockets[0].getsockname()[1]
        try:
            yield sink
        finally:
            server.close()

    # The name is aiosmtpd's.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(cast(bytes, envelope.original_content), policy=SMTP_POLICY)
        self.accepted[str(message["Message-ID"])] += 1
        await asyncio.sleep(self.answer_after_s)
        return "250 2.0.0 Counted"

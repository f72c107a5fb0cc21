"""Handing one message to an SMTP server, and saying for each recipient how it went.

The only undecidable moment is between the final dot and its reply (RFC 1047): a connection lost there may or may not
have delivered. It is told apart here as UNKNOWN, everything before it is a plain TEMPORARY. So that it is known as well
when this process does not live to tell, whoever sends is asked before the dot, and has the results before the goodbye.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, cast

from aiosmtplib import SMTP, SMTPResponse
from aiosmtplib.errors import (
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from aiosmtplib.protocol import SMTPProtocol

from app.integrations.smtp_message import PLAIN_ADDRESS, as_sent, build_message
from app.integrations.smtp_replies import (
    BAD_ADDRESS,
    HUNG_UP,
    NO_TLS,
    NOT_ENDED,
    NOT_LET_IN,
    NOT_REACHED,
    TOO_SLOW,
    UNCERTAIN,
    Outcome,
    RecipientResult,
    RefusedError,
    bounded_line,
    refusal,
    told,
)
from app.smtp_server import SmtpServer
from app.text import shown

__all__ = ["MayEnd", "Outcome", "RecipientResult", "SmtpServer", "build_message", "handing_over", "send"]

#: Asked when the text has left, with the addresses the server took: whether the final dot may follow.
MayEnd = Callable[[Sequence[str]], Awaitable[bool]]

QUIT_TIMEOUT_S = 1


@asynccontextmanager
async def handing_over(
    server: SmtpServer,
    message: EmailMessage,
    *,
    mail_from: str,
    recipients: Sequence[str],
    may_end: MayEnd | None = None,
    timeout_s: float = 25,
    tls_context: ssl.SSLContext | None = None,
) -> AsyncIterator[list[RecipientResult]]:
    """Offers `message` for all `recipients` in one transaction; the results stand in their order.

    It never raises for what a server does and is over within `timeout_s`; the goodbye comes after the block and takes a
    second at most. If `may_end` says no, the server gets no final dot, and so nobody the mail. Nobody signs in over a
    connection that is not encrypted and verified, this machine excepted. Raises ValueError if `mail_from` is not one
    bare address.
    """
    if not PLAIN_ADDRESS.fullmatch(mail_from):
        raise ValueError(f"{shown(mail_from)} is not one bare address.")
    delivery = _Delivery(server, recipients, tls_context, may_end)
    try:
        is_over = await delivery.attempt(mail_from, as_sent(message), timeout_s)
        yield [delivery.results[recipient] for recipient in recipients]
        if is_over:
            await delivery.say_goodbye()
    finally:
        delivery.hang_up()


async def send(server: SmtpServer, message: EmailMessage, **options: Any) -> list[RecipientResult]:
    """As `handing_over`, for whoever has nothing to do before the goodbye."""
    async with handing_over(server, message, **options) as results:
        return results


class _Delivery:
    """One transaction. A recipient without a result is undecided; `settle_rest` decides all of them."""

    def __init__(
        self,
        server: SmtpServer,
        recipients: Sequence[str],
        tls_context: ssl.SSLContext | None,
        may_end: MayEnd | None,
    ) -> None:
        self._server = server
        self._recipients = list(dict.fromkeys(recipients))
        self._tls_context = tls_context
        self._may_end = may_end
        self._client: SMTP | None = None
        self._dot_is_sent = False
        self.results: dict[str, RecipientResult] = {}

    async def attempt(self, mail_from: str, content: bytes, timeout_s: float) -> bool:
        """Decides every recipient. False if the connection is in no state for a goodbye."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._run(mail_from, content)
        except TimeoutError:
            self._settle_rest(Outcome.TEMPORARY, TOO_SLOW)
        except SMTPException as fault:
            self._settle_fault(fault)
        except (OSError, UnicodeError):  # The latter: a host name that is none.
            self._settle_rest(Outcome.TEMPORARY, NOT_REACHED)
        else:
            return True
        return False

    async def _run(self, mail_from: str, content: bytes) -> None:
        for recipient in self._recipients:
            if not PLAIN_ADDRESS.fullmatch(recipient):
                self._settle(recipient, Outcome.PERMANENT, None, BAD_ADDRESS)
        if not self._undecided():
            return
        client = await self._connect(mail_from)
        await client.mail(mail_from)
        for recipient in self._undecided():
            await self._offer(client, recipient)
        if self._undecided():
            await self._deliver(client, content)

    async def _connect(self, mail_from: str) -> SMTP:
        server = self._server
        self._client = client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=False,
            tls_context=self._tls_context or await asyncio.to_thread(_trusting_context),
            # The sender's domain: a full name that resolves. The machine's own is often neither.
            local_hostname=mail_from.rpartition("@")[2],
            timeout=None,  # `send` limits the whole.
        )
        await client.connect()
        if server.tls == "starttls":
            await self._encrypt(client)
        if server.username is not None:
            await self._sign_in(client)
        return client

    async def _encrypt(self, client: SMTP) -> None:
        try:
            await client.starttls()
        except (SMTPServerDisconnected, SMTPConnectError, TimeoutError):
            raise
        except (SMTPException, ssl.SSLError) as fault:
            raise RefusedError(NO_TLS) from fault

    async def _sign_in(self, client: SMTP) -> None:
        is_encrypted = client.get_transport_info("sslcontext") is not None
        if not is_encrypted and not _is_loopback(client):
            raise RefusedError(NO_TLS)
        await client.ehlo()
        if not client.supported_auth_methods:
            raise RefusedError(NOT_LET_IN)
        await client.login(self._server.username or "", self._server.password or "")

    async def _offer(self, client: SMTP, recipient: str) -> None:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as fault:
            self._settle(recipient, refusal(fault.code), fault.code, fault.message)

    async def _deliver(self, client: SMTP, content: bytes) -> None:
        """aiosmtplib's own `data` cannot tell on which side of the final dot it failed."""
        response = await client.execute_command(b"DATA")
        protocol = client.protocol
        if response.code != 354 or protocol is None:
            self._settle_all(refusal(response.code), response)
            return
        protocol.write(_dots_doubled(content))
        await _written(client)
        await self._ask_whether_to_end(client)
        self._send_dot(protocol)
        response = await protocol.read_response()
        is_taken = 200 <= response.code < 300
        self._settle_all(Outcome.SENT if is_taken else refusal(response.code), response)

    async def _ask_whether_to_end(self, client: SMTP) -> None:
        if self._may_end is not None and not await self._may_end(self._undecided()):
            raise RefusedError(NOT_ENDED)
        if not client.is_connected:  # lost meanwhile, and surely before the dot
            raise SMTPServerDisconnected(HUNG_UP)

    def _send_dot(self, protocol: SMTPProtocol) -> None:
        """From here on the server may deliver."""
        protocol.write(b".\r\n")
        self._dot_is_sent = True

    def _settle_all(self, outcome: Outcome, response: SMTPResponse) -> None:
        for recipient in self._undecided():
            self._settle(recipient, outcome, response.code, response.message)

    def _settle_fault(self, fault: SMTPException) -> None:
        if isinstance(fault, SMTPSenderRefused):
            self._settle_all(refusal(fault.code), SMTPResponse(fault.code, fault.message))
        else:
            self._settle_rest(Outcome.TEMPORARY, told(fault))

    def _settle_rest(self, outcome: Outcome, text: str) -> None:
        if self._dot_is_sent:
            outcome, text = Outcome.UNKNOWN, UNCERTAIN
        for recipient in self._undecided():
            self._settle(recipient, outcome, None, text)

    def _settle(self, recipient: str, outcome: Outcome, code: int | None, text: str) -> None:
        self.results[recipient] = RecipientResult(recipient, outcome, code, bounded_line(text))

    def _undecided(self) -> list[str]:
        return [recipient for recipient in self._recipients if recipient not in self.results]

    async def say_goodbye(self) -> None:
        """Only if it takes no time."""
        if self._client is not None and self._client.is_connected:
            with suppress(SMTPException, OSError):
                async with asyncio.timeout(QUIT_TIMEOUT_S):
                    await self._client.quit()

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()


def _is_loopback(client: SMTP) -> bool:
    """By the address we are really connected to: a name may resolve to anything."""
    peer = client.get_transport_info("peername")
    return bool(peer) and ip_address(str(peer[0]).partition("%")[0]).is_loopback


def _dots_doubled(content: bytes) -> bytes:
    return re.sub(rb"(?m)^\.", b"..", content)


async def _written(client: SMTP) -> None:
    """Returns when the whole message left for the network: what is lost before the dot was surely not delivered."""
    await asyncio.sleep(0)
    # Nobody tells when a transport's buffer is empty, and it nearly always is at once.
    while _is_writing(client):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    if not client.is_connected:
        raise SMTPServerDisconnected(HUNG_UP)


def _is_writing(client: SMTP) -> bool:
    transport = cast(asyncio.WriteTransport, client.transport)
    return client.is_connected and transport.get_write_buffer_size() > 0


@lru_cache(maxsize=1)
def _trusting_context() -> ssl.SSLContext:
    return ssl.create_default_context()

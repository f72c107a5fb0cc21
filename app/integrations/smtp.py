"""Handing one message to an SMTP server, and saying for each recipient how it went.

The only undecidable moment is between the final dot and its reply (RFC 1047): a connection lost there may or may not
have delivered. It is told apart here as UNKNOWN, everything before it is a plain TEMPORARY.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from typing import cast

from aiosmtplib import SMTP, SMTPResponse
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from app.integrations.smtp_message import PLAIN_ADDRESS, as_sent, build_message
from app.smtp_server import SmtpServer
from app.text import shown

__all__ = ["Outcome", "RecipientResult", "SmtpServer", "build_message", "send"]

MAX_RESPONSE = 200
QUIT_TIMEOUT_S = 1

# What is told of a failed connection: fixed texts, so that a foreign server (or a port that is none) says nothing
# through us.
NOT_REACHED = "The mail server could not be reached."
TOO_SLOW = "The mail server did not answer in time."
HUNG_UP = "The mail server closed the connection."
NO_TLS = "The mail server did not offer a trusted encrypted connection."
NOT_LET_IN = "The mail server refused the user name or password."
NO_SERVICE = "The mail server is not accepting mail now."
UNCERTAIN = "The connection was lost while the mail server was confirming. It may have been delivered."
BAD_ADDRESS = "Mail cannot be sent to an address of this form."


class Outcome(StrEnum):
    """Of one recipient. After TEMPORARY try again; after UNKNOWN perhaps, with the same Message-ID."""

    SENT = "SENT"
    TEMPORARY = "TEMPORARY"
    PERMANENT = "PERMANENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """`code` is the server's reply, None if there was none; `text` is one bounded line, safe to show and store."""

    address: str
    outcome: Outcome
    code: int | None
    text: str


async def send(
    server: SmtpServer,
    message: EmailMessage,
    *,
    mail_from: str,
    recipients: Sequence[str],
    timeout_s: float = 25,
    tls_context: ssl.SSLContext | None = None,
) -> list[RecipientResult]:
    """Offers `message` for all `recipients` in one transaction; the results stand in their order.

    It never raises for what a server does and is over within `timeout_s` and a second for the goodbye. Nobody signs in over a
    connection that is not encrypted and verified, this machine excepted. Raises ValueError if `mail_from` is not one
    bare address.
    """
    if not PLAIN_ADDRESS.fullmatch(mail_from):
        raise ValueError(f"{shown(mail_from)} is not one bare address.")
    delivery = _Delivery(server, recipients, tls_context)
    content = as_sent(message)
    try:
        async with asyncio.timeout(timeout_s):
            await delivery.run(mail_from, content)
        await delivery.say_goodbye()
    except TimeoutError:
        delivery.settle_rest(Outcome.TEMPORARY, TOO_SLOW)
    except SMTPException as fault:
        delivery.settle_fault(fault)
    except (OSError, UnicodeError):  # The latter: a host name that is none.
        delivery.settle_rest(Outcome.TEMPORARY, NOT_REACHED)
    finally:
        delivery.hang_up()
    return [delivery.results[recipient] for recipient in recipients]


class _Delivery:
    """One transaction. A recipient without a result is undecided; `settle_rest` decides all of them."""

    def __init__(
        self, server: SmtpServer, recipients: Sequence[str], tls_context: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._recipients = list(dict.fromkeys(recipients))
        self._tls_context = tls_context
        self._client: SMTP | None = None
        self._dot_is_sent = False
        self.results: dict[str, RecipientResult] = {}

    async def run(self, mail_from: str, content: bytes) -> None:
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
            raise _RefusedError(NO_TLS) from fault

    async def _sign_in(self, client: SMTP) -> None:
        is_encrypted = client.get_transport_info("sslcontext") is not None
        if not is_encrypted and not _is_loopback(client):
            raise _RefusedError(NO_TLS)
        await client.ehlo()
        if not client.supported_auth_methods:
            raise _RefusedError(NOT_LET_IN)
        await client.login(self._server.username or "", self._server.password or "")

    async def _offer(self, client: SMTP, recipient: str) -> None:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as fault:
            self._settle(recipient, _refusal(fault.code), fault.code, fault.message)

    async def _deliver(self, client: SMTP, content: bytes) -> None:
        """aiosmtplib's own `data` cannot tell on which side of the final dot it failed."""
        response = await client.execute_command(b"DATA")
        protocol = client.protocol
        if response.code != 354 or protocol is None:
            self._settle_all(_refusal(response.code), response)
            return
        protocol.write(_dots_doubled(content))
        await _written(client)
        protocol.write(b".\r\n")
        self._dot_is_sent = True
        response = await protocol.read_response()
        is_taken = 200 <= response.code < 300
        self._settle_all(Outcome.SENT if is_taken else _refusal(response.code), response)

    def _settle_all(self, outcome: Outcome, response: SMTPResponse) -> None:
        for recipient in self._undecided():
            self._settle(recipient, outcome, response.code, response.message)

    def settle_fault(self, fault: SMTPException) -> None:
        if isinstance(fault, SMTPSenderRefused):
            self._settle_all(_refusal(fault.code), SMTPResponse(fault.code, fault.message))
        else:
            self.settle_rest(Outcome.TEMPORARY, _told(fault))

    def settle_rest(self, outcome: Outcome, text: str) -> None:
        if self._dot_is_sent:
            outcome, text = Outcome.UNKNOWN, UNCERTAIN
        for recipient in self._undecided():
            self._settle(recipient, outcome, None, text)

    def _settle(self, recipient: str, outcome: Outcome, code: int | None, text: str) -> None:
        self.results[recipient] = RecipientResult(recipient, outcome, code, _line(text))

    def _undecided(self) -> list[str]:
        return [recipient for recipient in self._recipients if recipient not in self.results]

    async def say_goodbye(self) -> None:
        """Only if it takes no time: the outcome is known, and must not be lost over it."""
        if self._client is not None and self._client.is_connected:
            with suppress(SMTPException, OSError):
                await self._client.quit(timeout=QUIT_TIMEOUT_S)

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()


class _RefusedError(SMTPException):
    """We go no further; the message is what is told."""


def _refusal(code: int) -> Outcome:
    """Of a reply that is not the hoped-for one. What is no sensible reply is tried again."""
    return Outcome.PERMANENT if 500 <= code < 600 else Outcome.TEMPORARY


def _told(fault: SMTPException) -> str:
    if isinstance(fault, _RefusedError):
        return fault.message
    if isinstance(fault.__cause__, ssl.SSLError):
        return NO_TLS
    if isinstance(fault, SMTPAuthenticationError):
        return NOT_LET_IN
    if isinstance(fault, SMTPServerDisconnected):
        return HUNG_UP
    if isinstance(fault, SMTPResponseException):
        return NO_SERVICE
    return NOT_REACHED


def _line(text: str) -> str:
    """A reply on one line. It comes from outside: it may hold anything."""
    visible = "".join(character if character.isprintable() else " " for character in text[: 4 * MAX_RESPONSE])
    return " ".join(visible.split())[:MAX_RESPONSE]


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

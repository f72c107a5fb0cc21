"""A real SMTP server on loopback whose replies, silences and hang-ups a test can script by verb."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.integrations.smtp import Outcome, RecipientResult, build_message, send
from app.smtp_server import SmtpServer

DROP, SILENCE = "drop", "silence"
FROM, A, B, C = "obchod@firma.cz", "a@x.cz", "b@x.cz", "c@x.cz"


@dataclass
class MailServer:
    """`says` maps a verb (`CONNECT EHLO MAIL DATA DOT` or a recipient's address) to a reply, DROP or SILENCE.

    A message that was taken is kept at once; `before_answer` may hold up the 250.
    """

    port: int = 0
    says: dict[str, str] = field(default_factory=dict)
    messages: list[Envelope] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    before_answer: Callable[[], Awaitable[Any]] | None = None
    transports: list[asyncio.Transport] = field(default_factory=list)

    def hang_up(self) -> None:
        """On everybody, in the middle of whatever it is."""
        for each in self.transports:
            each.abort()


class _Smtp(SMTP):
    """aiosmtpd with the script asked first."""

    script: MailServer

    async def _scripted(self, verb: str) -> bool:
        self.script.verbs.append(verb)
        said = self.script.says.get(verb)
        if said is None:
            return False
        if said == DROP:
            _hang_up(self)
        elif said != SILENCE:
            await self.push(said)
        return True

    def connection_made(self, transport: Any) -> None:
        self.script.transports.append(transport)
        said = self.script.says.get("CONNECT")
        if said is None:
            super().connection_made(transport)
        elif said == DROP:
            transport.close()
        elif said != SILENCE:
            transport.write(said.encode("latin-1"))

    def data_received(self, data: bytes) -> None:
        if "CONNECT" not in self.script.says:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return None if "CONNECT" in self.script.says else super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        if "CONNECT" not in self.script.says:
            super().connection_lost(error)

    # The names are aiosmtpd's.
    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self._scripted("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self._scripted("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        address = (arg or "").removeprefix("TO:").strip("<>")
        if not await self._scripted(address):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        if not await self._scripted("QUIT"):
            await super().smtp_QUIT(arg)


def _hang_up(server: SMTP) -> None:
    assert server.transport is not None
    server.transport.close()


class _Handler:
    def __init__(self, script: MailServer) -> None:
        self._script = script

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = self._script.says.get("DOT")
        if said == DROP:
            _hang_up(server)
        elif said == SILENCE:
            await asyncio.sleep(30)
        elif said is not None:
            return said
        self._script.messages.append(envelope)
        if self._script.before_answer is not None:
            await self._script.before_answer()
        return "250 2.0.0 Taken"


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    """`tls` for smtps, `starttls` to offer the upgrade; `options` are aiosmtpd's."""
    script = MailServer()

    def authenticator(
        server: Any, session: Any, envelope: Any, mechanism: str, auth: LoginPassword
    ) -> AuthResult:
        script.logins.append((auth.login.decode(), auth.password.decode()))
        return AuthResult(success=auth.password == b"heslo", handled=False)

    protocol = type("Smtp", (_Smtp,), {"script": script})
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(_Handler(script), tls_context=starttls, authenticator=authenticator, **options),
        host="127.0.0.1",
        port=0,
        ssl=tls,
    )
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()


def make_certificate(folder: Path, *names: str, valid: bool = True) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS contexts of a server whose certificate is for `names`, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    alternatives = [
        x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=1 if valid else -1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, encoding = folder / "server.pem", serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(secret + certificate.public_bytes(encoding))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(pem)
    trusting = ssl.create_default_context(cadata=certificate.public_bytes(encoding).decode())
    return served, trusting


def make_message(**changes: Any) -> EmailMessage:
    parts: dict[str, Any] = {
        "message_id": "<0193567a-0000-7000-8000-000000000001@firma.cz>",
        "date": datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        "sender": FROM,
        "sender_name": "Firma, s.r.o.",
        "to": [A],
        "subject": "Nabídka č. 1",
        "text": "Dobrý den,\n\nposíláme nabídku.",
    }
    return build_message(**parts | changes)


async def deliver(
    server: MailServer, *recipients: str, message: EmailMessage | None = None, **options: Any
) -> list[RecipientResult]:
    relay = SmtpServer(host="127.0.0.1", port=server.port)
    return await send(
        relay,
        message or make_message(),
        mail_from=FROM,
        recipients=recipients or (A,),
        **{"timeout_s": 5} | options,
    )


def short(results: list[RecipientResult]) -> list[tuple[str, Outcome, int | None]]:
    return [(result.address, result.outcome, result.code) for result in results]

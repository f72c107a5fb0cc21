"""An SMTP server that delivers to a folder, so that in development and tests mail is sent for real and goes nowhere.

Each message is one .eml file whose name sorts by time of arrival; the envelope is added as headers, for the blind
copies. The files are the only store: what reads them needs no index.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

ENVELOPE_FROM = "X-Envelope-From"
ENVELOPE_TO = "X-Envelope-To"
_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}")


@dataclass(frozen=True)
class CaughtMail:
    """One message. `recipients` are the envelope's, blind copies included; `date` is its arrival (RFC 3339)."""

    id: str
    date: str
    sender: str
    recipients: list[str]
    from_: str
    to: str
    subject: str
    text: str
    html: str
    headers: list[tuple[str, str]]

    def as_json(self) -> dict[str, Any]:
        """The same with `from` for `from_`."""
        fields = asdict(self)
        return {"from": fields.pop("from_"), **fields}


@asynccontextmanager
async def catching(folder: Path, *, port: int = 0) -> AsyncIterator[int]:
    """Listens on 127.0.0.1 for the length of the block; gives the port (a free one for 0)."""
    folder.mkdir(parents=True, exist_ok=True)
    catcher = _Catcher(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(catcher, hostname="localhost", ident="Divize mail catcher", enable_SMTPUTF8=True),
        host="127.0.0.1",
        port=port,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def caught(folder: Path, *, limit: int = 200) -> list[CaughtMail]:
    """The newest `limit` messages, newest first."""
    paths = sorted(folder.glob("*.eml"), reverse=True)[:limit]
    return [_read(path) for path in paths]


def caught_one(folder: Path, mail_id: str) -> CaughtMail | None:
    """The message of this id, None if there is none."""
    path = folder / f"{mail_id}.eml"
    return _read(path) if _ID.fullmatch(mail_id) and path.is_file() else None


class _Catcher:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    # The name is aiosmtpd's.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        lines = [
            f"{ENVELOPE_FROM}: {envelope.mail_from}",
            *(f"{ENVELOPE_TO}: {to}" for to in envelope.rcpt_tos),
        ]
        partial = self._folder / f"{name}.partial"
        try:
            partial.write_bytes("\r\n".join([*lines, ""]).encode() + cast(bytes, envelope.original_content))
            partial.rename(partial.with_suffix(".eml"))
        except OSError:  # a full disk, say: the sender keeps it, and tries again
            with suppress(OSError):
                partial.unlink()
            return "452 4.3.1 No room to keep it"
        return "250 2.0.0 Caught"


def _read(path: Path) -> CaughtMail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    arrived = datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return CaughtMail(
        id=path.stem,
        date=arrived.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        sender=str(message[ENVELOPE_FROM]),
        recipients=[str(each) for each in message.get_all(ENVELOPE_TO, [])],
        from_=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        headers=[
            (name, str(value)) for name, value in message.items() if name not in (ENVELOPE_FROM, ENVELOPE_TO)
        ],
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except LookupError:  # A charset that Python does not know.
        content = cast(bytes, part.get_payload(decode=True)).decode(errors="replace")
    return content.replace("\r\n", "\n")

"""A message as we send it: made of checked parts, and written out so that no part can become another one.

The headers that carry what people typed (subject, names) are written here and not by Python's `email` package: up to
3.11.9 it decodes `=?utf-8?q?a=0D=0ABcc:…?=` in a subject into a real line end, and drops the quotes of a long name,
so that `"Firm, <a@b.cz>, …"` becomes further addresses.
"""

import re
from collections.abc import Sequence
from copy import copy
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from app.text import clean_line, clean_text, shown

MAX_SUBJECT = 998
MAX_NAME = 200
MAX_BODY = 1_000_000

# A bare address made of atoms: what `formats.email_address` gives, and localhost in development.
PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}", re.ASCII)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}@[A-Za-z0-9.-]{1,250}>", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPECIALS = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]")
_ADDRESS_HEADERS = frozenset(("from", "sender", "reply-to", "to", "cc"))


class MessagePolicy(EmailPolicy):
    """SMTP line ends; text headers kept as given, never decoded; control characters refused in every header."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if isinstance(value, str):
            if found := _CONTROLS.search(name + value):
                raise ValueError(f"The header {name} holds the character U+{ord(found[0]):04X}.")
            if name.lower() == "subject":
                return name, value
        return super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return value if name.lower() == "subject" else super().header_fetch_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        if name.lower() == "subject":
            return f"{name}: {_encoded(value, name)}\r\n"
        if name.lower() in _ADDRESS_HEADERS:
            return f"{name}: {_listed(value.addresses)}\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


POLICY = MessagePolicy(linesep="\r\n", cte_type="7bit")


def build_message(
    *,
    message_id: str,
    date: datetime,
    sender: str,
    to: Sequence[str],
    subject: str,
    text: str,
    sender_name: str | None = None,
    cc: Sequence[str] = (),
    reply_to: str | None = None,
    html: str | None = None,
    is_automatic: bool = False,
) -> EmailMessage:
    """A message ready to send, in 7-bit ASCII: any server takes it unchanged.

    `message_id` with its angle brackets: give the same at every try. `is_automatic` marks the system's own mail
    (RFC 3834), so that no holiday reply comes back. Raises ValueError for an address that is not one bare address, a
    name with @ in it (it would pose as an address), and characters that end a header.
    """
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(sender, sender_name)
    message["To"] = [_address(each) for each in to]
    if cc:
        message["Cc"] = [_address(each) for each in cc]
    if reply_to:
        message["Reply-To"] = _address(reply_to)
    message["Subject"] = clean_line(subject, MAX_SUBJECT)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = _checked_id(message_id)
    if is_automatic:
        message["Auto-Submitted"] = "auto-generated"
    message.set_content(clean_text(text, MAX_BODY) + "\n", cte="quoted-printable")
    if html:
        message.add_alternative(clean_text(html, MAX_BODY) + "\n", subtype="html", cte="quoted-printable")
    return message


def as_sent(message: EmailMessage) -> bytes:
    """The message's bytes: lines end with CR LF, also the last one. Bcc is left out."""
    lean = copy(message)
    del lean["Bcc"]
    written = re.sub(rb"\r\n|\r|\n", b"\r\n", lean.as_bytes(policy=POLICY))
    return written if written.endswith(b"\r\n") else written + b"\r\n"


def _address(address: str, name: str | None = None) -> Address:
    if not PLAIN_ADDRESS.fullmatch(address):
        raise ValueError(f"{shown(address)} is not one bare address.")
    name = clean_line(name or "", MAX_NAME)
    if "@" in name:
        raise ValueError(f"The name {shown(name)} looks like an address. Remove the @.")
    return Address(name, addr_spec=address)


def _checked_id(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"{shown(message_id)} is not a Message-ID. It has the form <id@domain>.")
    return message_id


def _listed(addresses: Sequence[Address]) -> str:
    return ",\r\n ".join(_named(each) for each in addresses)


def _named(address: Address) -> str:
    name = address.display_name
    if not name:
        return address.addr_spec
    if not name.isascii() or "=?" in name:
        words = Header(name, "utf-8", maxlinelen=75, header_name="Reply-To").encode(linesep="\r\n")
        return f"{words}\r\n <{address.addr_spec}>"
    if _SPECIALS.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address.addr_spec}>'
    return f"{name} <{address.addr_spec}>"


def _encoded(text: str, header: str) -> str:
    """Plain if it is short ASCII that no reader would decode, else encoded words of at most 75 characters."""
    if text.isascii() and "=?" not in text and len(text) <= 900:
        return text
    return Header(text, "utf-8", maxlinelen=75, header_name=header).encode(linesep="\r\n")

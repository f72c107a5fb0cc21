"""Where mail is handed over, as an address names it."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

SCHEMES: dict[str, Literal["none", "starttls", "tls"]] = {
    "smtp": "none",
    "smtp+starttls": "starttls",
    "smtps": "tls",
}
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed over. `tls` is "starttls" if the conversation must be upgraded or refused."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, address: str) -> "SmtpServer":
        """`smtp+starttls://user:password@host:587`, `smtps://…` or `smtp://…`, taken apart."""
        url = urlsplit(address)
        return cls(
            host=url.hostname or "",
            port=url.port or _PORTS[url.scheme],
            tls=SCHEMES[url.scheme],
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
        )

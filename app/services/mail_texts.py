"""The system's own mail as text and HTML, made of the templates in `app/templates/mail`.

The first line of a template is the subject, paragraphs are parted by empty lines. There is no logic in it: names in
`$…` are replaced once, and what replaces them is never read as a template or as HTML. The HTML part is made of the
same paragraphs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from app.models import EmailPurpose

TEMPLATES = Path(__file__).parents[1] / "templates" / "mail"
DEFAULT_ZONE = "Europe/Prague"
# The only values that become links: an address in somebody's name stays text.
LINKS = frozenset(("link", "installation"))

# Where the link leads, below the installation's public address. The token stands in the fragment: no server logs it.
PAGES = {
    EmailPurpose.INVITATION: "invitation",
    EmailPurpose.PASSWORD_RESET: "password-reset",
    EmailPurpose.EMAIL_VERIFICATION: "email-verification",
    EmailPurpose.EMAIL_CHANGE: "email-change",
    EmailPurpose.ADDRESS_VERIFICATION: "address-verification",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str
    html: str | None


def subject(purpose: EmailPurpose, values: Mapping[str, str]) -> str:
    """The subject alone: it carries no secret."""
    return _one_line(_filled(_template(purpose.value.lower())[0], values))


def letter(purpose: EmailPurpose, values: Mapping[str, str]) -> Letter:
    """The whole mail. Raises KeyError for a name of the template that has no value."""
    paragraphs = _template(purpose.value.lower())[1:]
    text = "\n\n".join(_filled(paragraph, values) for paragraph in paragraphs)
    escaped = {name: _anchor(value) if name in LINKS else escape(value) for name, value in values.items()}
    body = "\n".join(f"<p>{_filled(escape(paragraph), escaped)}</p>" for paragraph in paragraphs)
    layout = Template((TEMPLATES / "layout.html").read_text(encoding="utf-8"))
    heading = subject(purpose, values)
    return Letter(heading, text, layout.substitute(subject=escape(heading), body=body))


def link(public_url: str, purpose: EmailPurpose, token: str) -> str:
    return f"{public_url}/{PAGES[purpose]}#token={token}"


def moment(at: datetime, zone: str = DEFAULT_ZONE) -> str:
    """As it is written in Czech: 3. 3. 2026 10:00 (Europe/Prague)."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day}. {local.month}. {local.year} {local:%H:%M} ({zone})"


@cache
def _template(name: str) -> tuple[str, ...]:
    """The subject, then the paragraphs."""
    return tuple((TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n"))


def _filled(template: str, values: Mapping[str, str]) -> str:
    return Template(template).substitute(values)


def _anchor(url: str) -> str:
    return f'<a href="{escape(url)}">{escape(url)}</a>'


def _one_line(text: str) -> str:
    return " ".join(text.split())

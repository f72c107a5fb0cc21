"""`/dev/mail`: the mail that the catcher caught, for a person and for a program. Development only.

A message's HTML is shown in a frame without scripts, forms or addresses of its own; everything else is escaped.
"""

import re
from html import escape
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.integrations.mail_catcher import CaughtMail, caught, caught_one

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --dim: #777; --accent: #0b63ce }
@media (prefers-color-scheme: dark) { :root { --dim: #aaa; --accent: #6db3ff } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.3rem } h1 small { color: var(--dim); font-weight: normal }
a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid var(--line); padding: .5rem .6rem; text-align: left; vertical-align: top }
th { color: var(--dim); font-weight: normal; white-space: nowrap } tr:hover td { background: var(--soft) }
time { color: var(--dim); white-space: nowrap }
pre { background: var(--soft); border-radius: .5rem; overflow-wrap: anywhere; padding: 1rem; white-space: pre-wrap }
iframe { background: #fff; border: 1px solid var(--line); border-radius: .5rem; height: 30rem; width: 100% }
.empty { color: var(--dim); padding: 4rem 0; text-align: center }
"""


def routes(folder: Path) -> list[BaseRoute]:
    """The list (JSON for `Accept: application/json` or `/dev/mail.json`) and each message."""

    def index(request: Request) -> Response:
        mails = caught(folder)
        if request.url.path.endswith(".json") or _wants_json(request):
            return JSONResponse([mail.as_json() for mail in mails], headers=_HEADERS)
        return _page("Caught mail", _list(mails), refresh_s=3)

    def show(request: Request) -> Response:
        mail = caught_one(folder, request.path_params["mail_id"])
        if mail is None:
            return _page("No such message", '<p><a href="/dev/mail">Caught mail</a></p>', status=404)
        if _wants_json(request):
            return JSONResponse(mail.as_json(), headers=_HEADERS)
        return _page(mail.subject or "(no subject)", _message(mail))

    # A page elsewhere whose name was bound to this machine sends its own Host, and would read the links.
    own = [Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)]
    return [
        Route("/dev/mail", index, middleware=own),
        Route("/dev/mail.json", index, middleware=own),
        Route("/dev/mail/{mail_id}", show, middleware=own),
    ]


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _list(mails: list[CaughtMail]) -> str:
    if not mails:
        return '<p class="empty">Nothing has been sent yet. This page looks again every three seconds.</p>'
    rows = "".join(
        f"<tr><td>{_time(mail)}</td><td>{escape(mail.from_)}</td><td>{escape(', '.join(mail.recipients))}</td>"
        f'<td><a href="/dev/mail/{mail.id}">{escape(mail.subject or "(no subject)")}</a></td></tr>'
        for mail in mails
    )
    return f"<table><tr><th>Arrived (UTC)<th>From<th>To<th>Subject</tr>{rows}</table>"


def _message(mail: CaughtMail) -> str:
    headers = "".join(f"<tr><th>{escape(name)}<td>{escape(value)}</tr>" for name, value in mail.headers)
    envelope = f"<tr><th>Envelope<td>{escape(mail.sender)} → {escape(', '.join(mail.recipients))}</tr>"
    text = f"<pre>{_linked(mail.text)}</pre>" if mail.text else ""
    html = f'<h2>HTML</h2><iframe sandbox srcdoc="{escape(mail.html)}"></iframe>' if mail.html else ""
    return f'<p><a href="/dev/mail">← Caught mail</a></p><table>{envelope}{headers}</table>{text}{html}'


def _linked(text: str) -> str:
    pieces, end = [], 0
    for match in _LINK.finditer(text):
        link = escape(match.group())
        pieces += [escape(text[end : match.start()]), f'<a rel="noreferrer" href="{link}">{link}</a>']
        end = match.end()
    return "".join([*pieces, escape(text[end:])])


def _time(mail: CaughtMail) -> str:
    return f'<time datetime="{mail.date}">{mail.date[:19].replace("T", " ")}</time>'


def _page(title: str, body: str, *, status: int = 200, refresh_s: int | None = None) -> HTMLResponse:
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"{refresh}<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)} <small>Divize, development</small></h1>{body}",
        status,
        headers=_HEADERS,
    )

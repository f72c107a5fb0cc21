"""A business register on loopback that answers as ARES does, mistakes and moods included.

with ares_server() as ares:
    CompanyRegister(ares.url)
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROOT = "/ekonomicke-subjekty-v-be/rest"

CEZ: dict[str, Any] = {
    "ico": "45274649",
    "icoId": "45274649",
    "obchodniJmeno": "ČEZ, a. s.",
    "sidlo": {
        "kodStatu": "CZ",
        "nazevStatu": "Česká republika",
        "kodObce": 554782,
        "nazevObce": "Praha",
        "nazevUlice": "Duhová",
        "cisloDomovni": 1444,
        "cisloOrientacni": 2,
        "nazevCastiObce": "Michle",
        "psc": 14000,
        "textovaAdresa": "Duhová 1444/2, Michle, 14000 Praha 4",
    },
    "pravniForma": "121",
    "datumVzniku": "1992-05-06",
    "dic": "CZ45274649",
    "seznamRegistraci": {"stavZdrojeRes": "AKTIVNI", "stavZdrojeDph": "AKTIVNI"},
    "primarniZdroj": "res",
    "dalsiUdaje": [],
}


@dataclass
class Mood:
    """An answer other than the register's own: for the next `times` requests."""

    status: int = 200
    body: bytes = b""
    is_silent: bool = False
    hangs_up: bool = False
    times: int = 1_000_000


@dataclass
class Ares:
    """`companies` by IČO; `asked` the paths in the order they came; `mood` overrides the answer."""

    url: str = ""
    companies: dict[str, dict[str, Any]] = field(default_factory=lambda: {"45274649": CEZ})
    asked: list[str] = field(default_factory=list)
    mood: Mood | None = None
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        found = re.fullmatch(f"{ROOT}/ekonomicke-subjekty/([^/]+)", path)
        if not found:
            # The framework's own 404, which says nothing about a company.
            return 404, {"status": 404, "error": "Not Found", "path": path}
        if not re.fullmatch(r"[0-9]{8}", found[1]):
            return 400, _fault("CHYBA_VSTUPU", "VSTUP_NEVALIDNI_FORMAT_ICO", "Nevalidní formát IČO")
        if company := self.companies.get(found[1]):
            return 200, company
        return 404, _fault("NENALEZENO", "VYSTUP_SUBJEKT_NENALEZEN", "Ekonomický subjekt nenalezen")

    def next_mood(self) -> Mood | None:
        if self.mood is None or self.mood.times <= 0:
            return None
        self.mood.times -= 1
        return self.mood


def _fault(kod: str, sub_kod: str, popis: str) -> dict[str, str]:
    return {"kod": kod, "popis": popis, "subKod": sub_kod}


class _Handler(BaseHTTPRequestHandler):
    ares: Ares

    def do_GET(self) -> None:
        self.ares.asked.append(self.path)
        mood = self.ares.next_mood()
        if mood is None:
            status, answer = self.ares.answer(self.path)
            self._send(status, json.dumps(answer).encode())
        elif mood.is_silent:
            self.ares.closing.wait(30)
        elif not mood.hangs_up:
            self._send(mood.status, mood.body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # The client did not wait: that is what some tests want.

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: the requests are in `asked`."""


@contextmanager
def ares_server() -> Iterator[Ares]:
    ares = Ares()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"ares": ares}))
    server.daemon_threads = True
    ares.url = f"http://127.0.0.1:{server.server_port}{ROOT}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield ares
    finally:
        ares.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)

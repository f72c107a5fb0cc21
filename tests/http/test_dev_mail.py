from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from starlette.applications import Starlette

from app.http import dev_mail
from app.integrations import mail_catcher


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with mail_catcher.catching(tmp_path) as port:
        yield port


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=dev_mail.routes(tmp_path))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000"
    ) as client:
        yield client


def letter(subject: str = "Nabídka č. 7", text: str = "Dobrý den.\n", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Firma Čapek <obchod@example.com>"
    message["To"] = "novak@example.com"
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.com>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


async def send(port: int, message: EmailMessage, recipients: list[str] | None = None) -> None:
    await aiosmtplib.send(
        message, hostname="127.0.0.1", port=port, start_tls=False, recipients=recipients, timeout=5
    )


async def test_what_is_sent_is_listed_newest_first(port: int, client: httpx.AsyncClient) -> None:
    await send(port, letter("First"))
    await send(port, letter(), recipients=["novak@example.com", "blind@example.com"])

    mails = (await client.get("/dev/mail", headers={"Accept": "application/json"})).json()

    assert [mail["subject"] for mail in mails] == ["Nabídka č. 7", "First"]
    assert mails[0]["from"] == "Firma Čapek <obchod@example.com>"
    assert (mails[0]["to"], mails[0]["recipients"]) == (
        "novak@example.com",
        ["novak@example.com", "blind@example.com"],
    )
    assert mails[0]["text"] == "Dobrý den.\n"
    assert ["Message-ID", "<1@example.com>"] in mails[0]["headers"]
    assert (await client.get("/dev/mail.json")).json() == mails


async def test_one_message_is_read_by_its_id(port: int, client: httpx.AsyncClient) -> None:
    await send(port, letter(html="<p>Dobrý den</p>"))
    [mail] = (await client.get("/dev/mail.json")).json()

    answer = await client.get(f"/dev/mail/{mail['id']}", headers={"Accept": "application/json"})

    assert answer.json() == mail
    assert answer.json()["html"] == "<p>Dobrý den</p>\n"


async def test_the_page_shows_strangers_markup_as_text(port: int, client: httpx.AsyncClient) -> None:
    evil = "<script>alert(1)</script>"
    await send(port, letter(subject=evil, text=f'{evil} https://crm.example.com/i?a=1&b="x"', html=evil))
    [mail] = (await client.get("/dev/mail.json")).json()

    pages = [(await client.get("/dev/mail")).text, (await client.get(f"/dev/mail/{mail['id']}")).text]

    assert all("<script>" not in page and "&lt;script&gt;" in page for page in pages)
    assert 'href="https://crm.example.com/i?a=1&amp;b="' in pages[1]
    assert "<iframe sandbox " in pages[1]


@pytest.mark.parametrize("mail_id", ["unknown", "20260302T090000000000-00000000", "..%2f..%2fsecret_key"])
async def test_an_unknown_id_is_not_found(client: httpx.AsyncClient, mail_id: str) -> None:
    assert (await client.get(f"/dev/mail/{mail_id}")).status_code == 404


async def test_a_charset_nobody_knows_does_not_hide_the_other_mail(
    port: int, client: httpx.AsyncClient
) -> None:
    message = letter()
    message.replace_header("Content-Type", 'text/plain; charset="klingon"')
    await send(port, message)

    [mail] = (await client.get("/dev/mail.json")).json()

    assert mail["text"].startswith("Dobrý den.")


@pytest.mark.parametrize("path", ["/dev/mail", "/dev/mail.json", "/dev/mail/1"])
async def test_a_page_that_borrowed_this_address_reads_nothing(client: httpx.AsyncClient, path: str) -> None:
    borrowed = await client.get(path, headers={"Host": "evil.example.com:8000"})
    own = await client.get(path, headers={"Host": "localhost:8000"})

    assert (borrowed.status_code, own.status_code) == (400, 404 if path.endswith("1") else 200)


async def test_what_finds_no_room_is_kept_by_its_sender(port: int, tmp_path: Path) -> None:
    _take_the_room(tmp_path)

    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        await send(port, letter())

    assert refusal.value.code == 452


def _take_the_room(folder: Path) -> None:
    """A file in the way stands for a disk that takes nothing."""
    folder.rmdir()
    folder.touch()

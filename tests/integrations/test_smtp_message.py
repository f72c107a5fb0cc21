from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest

from app.integrations.smtp import Outcome
from tests.integrations.smtp_server import (
    FROM,
    A,
    B,
    C,
    MailServer,
    deliver,
    mail_server,
    make_message,
    short,
)

SENT = Outcome.SENT


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


def received(server: MailServer) -> tuple[bytes, EmailMessage]:
    (envelope,) = server.messages
    content = bytes(envelope.original_content or b"")
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return content, message


async def test_the_message_says_what_was_given(server: MailServer) -> None:
    await deliver(
        server, message=make_message(to=[A, B], reply_to=C, html="<p>Dobrý den</p>", is_automatic=True)
    )

    _, message = received(server)
    assert str(message["From"]) == '"Firma, s.r.o." <obchod@firma.cz>'
    assert str(message["To"]) == "a@x.cz, b@x.cz"
    assert str(message["Reply-To"]) == C
    assert str(message["Subject"]) == "Nabídka č. 1"
    assert str(message["Date"]) == "Tue, 24 Nov 2026 09:00:00 +0000"
    assert str(message["Message-ID"]) == "<0193567a-0000-7000-8000-000000000001@firma.cz>"
    assert str(message["Auto-Submitted"]) == "auto-generated"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == "Dobrý den,\n\nposíláme nabídku.\n"
    assert html.get_content().replace("\r\n", "\n") == "<p>Dobrý den</p>\n"


async def test_a_persons_mail_is_not_marked_automatic(server: MailServer) -> None:
    await deliver(server)

    assert "Auto-Submitted" not in received(server)[1]


@pytest.mark.parametrize(
    "text",
    [
        "a\r\n.\r\nMAIL FROM:<x@x.cz>\r\nRCPT TO:<y@y.cz>",
        "a\n.\nDATA",
        "a\r.\rb\rc",
        ".\n..\n...x",
        "From x\n.",
        "x" * 5_000,
        "čš " * 2_000,
        "a\r\n\r\n\r\n.",
    ],
)
async def test_a_body_arrives_as_one_message_and_as_it_was(server: MailServer, text: str) -> None:
    assert short(await deliver(server, message=make_message(text=text))) == [(A, SENT, 250)]

    content, message = received(server)
    written = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    assert message.get_content().replace("\r\n", "\n") == written + "\n"
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "character", ["\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\x0b", "\x85", "\u202e"]
)
@pytest.mark.parametrize("part", ["subject", "sender_name", "sender", "reply_to", "message_id"])
def test_what_would_end_a_header_is_refused(part: str, character: str) -> None:
    value = make_parts()[part].replace("1", f"1{character}Bcc: z@z.cz", 1)

    with pytest.raises(ValueError, match=r"^Delete the |bare address|Message-ID"):
        make_message(**{part: value})


def make_parts() -> dict[str, str]:
    return {
        "subject": "Nabídka 1",
        "sender_name": "Firma 1",
        "sender": "a1@x.cz",
        "reply_to": "a1@x.cz",
        "message_id": "<1@x.cz>",
    }


@pytest.mark.parametrize("name", ["X-Any", "Subject", "To", "From", "Comments"])
@pytest.mark.parametrize("character", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x7f", "\ud800"])
def test_no_header_of_the_message_takes_a_control_character(name: str, character: str) -> None:
    message = make_message()
    del message[name]

    with pytest.raises(ValueError, match="header"):
        message[name] = f"a{character}Bcc: z@z.cz"


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?a=0D=0ABcc:_z@z.cz?=",
        "=?utf-8?b?YQ0KQmNjOiB6QHouY3o=?=",
        "=?utf-8?q?evil?= =?utf-8?q?twin?=",
        "Žluťoučký kůň úpěl ďábelské ódy. " * 8,
        "plain " * 100,
        "x" * 998,
        "a, b; c <d> \"e\" (f) 'g' \\",
        "👩\u200d👧 " * 50,
    ],
)
async def test_a_subject_is_never_read_as_anything_else(server: MailServer, text: str) -> None:
    await deliver(server, message=make_message(subject=text))

    content, _ = received(server)
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    raw = head.partition("Subject: ")[2].partition("\r\nDate:")[0]
    assert "bcc" not in head.lower()
    assert [line for line in head.split("\r\n") if not line.startswith(" ")][2].startswith("Subject: ")
    assert str(make_header(decode_header(raw))) == text.strip()


@pytest.mark.parametrize(
    "name",
    [
        "Jan Novák",
        'Firm "x" <evil.cz>, ' * 8 + "Inc",
        "Very long, comma name " * 8 + "x",
        "Žluťoučký kůň, s.r.o. " * 8 + "x",
        "=?utf-8?q?a=0D=0ABcc:_x?=",
        "back\\slash (round) [square]; Jan: Petr.",
        "",
    ],
)
async def test_a_name_never_becomes_an_address(server: MailServer, name: str) -> None:
    await deliver(server, message=make_message(sender_name=name))

    content, message = received(server)
    assert [each.addr_spec for each in message["From"].addresses] == [FROM]
    assert b"Bcc" not in content.partition(b"\r\n\r\n")[0]
    words = "".join(message["From"].addresses[0].display_name.split())
    assert words == "".join(name.split())


def test_a_name_that_poses_as_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="looks like an address"):
        make_message(sender_name="boss@firm.cz")


async def test_blind_copies_stay_blind(server: MailServer) -> None:
    message = make_message()
    message["Bcc"] = B

    await deliver(server, A, B, message=message)

    content, _ = received(server)
    assert b"b@x.cz" not in content
    assert str(message["Bcc"]) == B

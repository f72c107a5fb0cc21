import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.integrations import smtp, smtp_replies
from app.integrations.smtp import Outcome, RecipientResult, handing_over, send
from app.smtp_server import SmtpServer
from tests.integrations.smtp_server import (
    DROP,
    FROM,
    SILENCE,
    A,
    B,
    C,
    MailServer,
    deliver,
    mail_server,
    make_certificate,
    make_message,
    short,
)

SENT, TEMPORARY, PERMANENT, UNKNOWN = Outcome


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


async def test_a_message_arrives_with_its_envelope(server: MailServer) -> None:
    results = await deliver(server, A, B)

    assert results == [
        RecipientResult(A, SENT, 250, "2.0.0 Taken"),
        RecipientResult(B, SENT, 250, "2.0.0 Taken"),
    ]
    (envelope,) = server.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == (FROM, [A, B])
    assert server.verbs == ["EHLO", "MAIL", A, B, "DATA", "QUIT"]


async def test_each_recipient_has_an_outcome_of_its_own(server: MailServer) -> None:
    server.says = {B: "451 4.7.1 Greylisted, come back", C: "550 5.1.1 No such user"}

    results = await deliver(server, A, B, C)

    assert results == [
        RecipientResult(A, SENT, 250, "2.0.0 Taken"),
        RecipientResult(B, TEMPORARY, 451, "4.7.1 Greylisted, come back"),
        RecipientResult(C, PERMANENT, 550, "5.1.1 No such user"),
    ]
    assert [envelope.rcpt_tos for envelope in server.messages] == [[A]]


async def test_nothing_is_sent_when_every_recipient_is_refused(server: MailServer) -> None:
    server.says = {A: "550 no", B: "452 4.5.3 Too many recipients"}

    assert short(await deliver(server, A, B)) == [(A, PERMANENT, 550), (B, TEMPORARY, 452)]
    assert server.messages == []
    assert "DATA" not in server.verbs


async def test_a_greylisted_message_passes_at_the_second_try_with_the_same_message_id(
    server: MailServer,
) -> None:
    server.says = {A: "451 4.7.1 Greylisted"}
    message = make_message()
    assert short(await deliver(server, message=message)) == [(A, TEMPORARY, 451)]

    server.says = {}
    assert short(await deliver(server, message=message)) == [(A, SENT, 250)]
    (envelope,) = server.messages
    assert envelope.mail_from == FROM
    assert b"Message-ID: <0193567a-0000-7000-8000-000000000001@firma.cz>\r\n" in bytes(
        envelope.original_content or b""
    )


@pytest.mark.parametrize(
    ("verb", "reply", "outcome", "code"),
    [
        ("CONNECT", "554 5.3.2 Not here\r\n", TEMPORARY, None),
        ("CONNECT", "421 4.3.2 Closing\r\n", TEMPORARY, None),
        ("CONNECT", "HTTP/1.1 400 Bad Request\r\n\r\n", TEMPORARY, None),
        ("CONNECT", "220 " + "x" * 10_000_000, TEMPORARY, None),
        ("EHLO", "421 4.3.2 Closing", TEMPORARY, None),
        ("MAIL", "421 4.3.2 Closing", TEMPORARY, 421),
        ("MAIL", "451 4.3.0 Later", TEMPORARY, 451),
        ("MAIL", "552 5.3.4 Too big", PERMANENT, 552),
        ("MAIL", "553 5.7.1 Not your address", PERMANENT, 553),
        ("MAIL", "299 what", TEMPORARY, 299),
        (A, "421 4.3.2 Closing", TEMPORARY, 421),
        (A, "552 5.2.2 Full", PERMANENT, 552),
        (A, "252 maybe", TEMPORARY, 252),
        ("DATA", "451 4.3.0 Later", TEMPORARY, 451),
        ("DATA", "554 5.7.1 No", PERMANENT, 554),
        ("DATA", "250 what", TEMPORARY, 250),
        ("DOT", "451 4.3.0 Later", TEMPORARY, 451),
        ("DOT", "421 4.3.2 Closing", TEMPORARY, 421),
        ("DOT", "452 4.3.1 Disk full", TEMPORARY, 452),
        ("DOT", "550 5.7.1 Spam", PERMANENT, 550),
        ("DOT", "552 5.3.4 Too big", PERMANENT, 552),
        ("DOT", "554 5.7.1 No", PERMANENT, 554),
        ("DOT", "what?", UNKNOWN, None),
    ],
)
async def test_a_reply_decides(
    server: MailServer, verb: str, reply: str, outcome: Outcome, code: int | None
) -> None:
    server.says = {verb: reply}

    assert short(await deliver(server)) == [(A, outcome, code)]
    assert server.messages == []


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", A, "DATA"])
@pytest.mark.parametrize("fault", [DROP, SILENCE])
async def test_what_fails_before_the_final_dot_is_tried_again(
    server: MailServer, verb: str, fault: str
) -> None:
    server.says = {verb: fault}

    results = await deliver(server, A, B, timeout_s=0.4)

    assert short(results) == [(A, TEMPORARY, None), (B, TEMPORARY, None)]
    assert {result.text for result in results} <= {
        smtp_replies.NOT_REACHED,
        smtp_replies.HUNG_UP,
        smtp_replies.TOO_SLOW,
    }
    assert server.messages == []


@pytest.mark.parametrize("fault", [DROP, SILENCE])
async def test_what_fails_after_the_final_dot_is_uncertain(server: MailServer, fault: str) -> None:
    server.says = {"DOT": fault, C: "550 no"}

    results = await deliver(server, A, B, C, timeout_s=0.4)

    assert short(results) == [(A, UNKNOWN, None), (B, UNKNOWN, None), (C, PERMANENT, 550)]
    assert results[0].text == smtp_replies.UNCERTAIN


@pytest.mark.parametrize("fault", [DROP, SILENCE, "500 what"])
async def test_a_rude_goodbye_changes_nothing(server: MailServer, fault: str) -> None:
    server.says = {"QUIT": fault}

    assert short(await deliver(server)) == [(A, SENT, 250)]


async def test_whoever_sends_is_asked_before_the_final_dot(server: MailServer) -> None:
    server.says = {B: "550 no"}
    asked: list[list[str]] = []

    async def may_end(addresses: Sequence[str]) -> bool:
        asked.append(list(addresses))
        assert server.messages == []
        return True

    assert short(await deliver(server, A, B, C, may_end=may_end)) == [
        (A, SENT, 250),
        (B, PERMANENT, 550),
        (C, SENT, 250),
    ]
    assert asked == [[A, C]] and len(server.messages) == 1


async def test_without_leave_nobody_gets_the_message(server: MailServer) -> None:
    async def may_end(addresses: Sequence[str]) -> bool:
        return False

    assert await deliver(server, may_end=may_end) == [
        RecipientResult(A, TEMPORARY, None, smtp_replies.NOT_ENDED)
    ]
    assert server.messages == [] and server.verbs[-1] == "DATA"


async def test_a_server_that_leaves_while_one_is_asked_got_nothing(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, clients = smtp._Delivery._ask_whether_to_end, []

    async def note(delivery: Any, client: Any) -> None:
        clients.append(client)
        await ask(delivery, client)

    async def may_end(addresses: Sequence[str]) -> bool:
        server.hang_up()
        while clients[0].is_connected:
            await asyncio.sleep(0)
        return True

    monkeypatch.setattr(smtp._Delivery, "_ask_whether_to_end", note)

    assert short(await deliver(server, may_end=may_end)) == [(A, TEMPORARY, None)]
    assert server.messages == []


async def test_the_goodbye_comes_after_the_results(server: MailServer) -> None:
    relay = SmtpServer(host="127.0.0.1", port=server.port)
    async with handing_over(relay, make_message(), mail_from=FROM, recipients=[A]) as results:
        assert short(results) == [(A, SENT, 250)] and server.verbs[-1] == "DATA"

    assert server.verbs[-1] == "QUIT"


async def test_a_connection_lost_between_recipients_leaves_what_was_said(server: MailServer) -> None:
    server.says = {A: "550 5.1.1 No such user", B: "421 4.3.2 Closing"}

    assert short(await deliver(server, A, B, C)) == [
        (A, PERMANENT, 550),
        (B, TEMPORARY, 421),
        (C, TEMPORARY, None),
    ]


async def test_a_message_cut_off_in_the_middle_was_not_delivered() -> None:
    async def take_a_little(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        for reply in (b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await reader.readexactly(1_000)
        writer.transport.abort()

    async with await asyncio.start_server(take_a_little, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        # More than the sockets' buffers hold, so that the end is surely still here.
        message = make_message(text="x" * 70 + "\n" + "y" * 990_000)
        message.add_attachment(b"\0" * 12_000_000, maintype="application", subtype="octet-stream")

        results = await deliver(MailServer(port=port), message=message)

    assert short(results) == [(A, TEMPORARY, None)]


async def test_a_server_that_dribbles_is_left_in_time() -> None:
    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            writer.write(b"2")
            await asyncio.sleep(0.05)

    async with await asyncio.start_server(dribble, "127.0.0.1", 0) as server:
        began = time.monotonic()
        results = await deliver(MailServer(port=server.sockets[0].getsockname()[1]), timeout_s=0.4)

    assert short(results) == [(A, TEMPORARY, None)]
    assert time.monotonic() - began < 2


async def test_nobody_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert await deliver(MailServer(port=port)) == [
        RecipientResult(A, TEMPORARY, None, smtp_replies.NOT_REACHED)
    ]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".cz", "nowhere.invalid"])
async def test_a_host_that_is_none_is_tried_again(host: str) -> None:
    relay = SmtpServer(host=host, port=25)

    results = await send(relay, make_message(), mail_from=FROM, recipients=[A], timeout_s=5)

    assert short(results) == [(A, TEMPORARY, None)]


async def test_what_a_server_says_is_kept_on_one_bounded_line(server: MailServer) -> None:
    server.says = {A: "550-first\x1b[31m\r\n550 second " + "x" * 400}

    (result,) = await deliver(server)

    assert result.text.startswith("first [31m second xxx")
    assert len(result.text) == smtp_replies.MAX_RESPONSE
    assert result.text.isprintable()


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "a@x.cz> SIZE=1",
        "a@x.cz, b@y.cz",
        '"a b"@x.cz',
        "a@x.cz\r\nRCPT TO:<b@y.cz>",
        "<a@x.cz>",
        "A <a@x.cz>",
        "",
        "a@[127.0.0.1]",
    ],
)
async def test_an_odd_address_never_reaches_the_server(server: MailServer, address: str) -> None:
    results = await deliver(server, A, address)

    assert short(results) == [(A, SENT, 250), (address, PERMANENT, None)]
    assert [envelope.rcpt_tos for envelope in server.messages] == [[A]]
    with pytest.raises(ValueError, match="bare address"):
        await send(
            SmtpServer(host="127.0.0.1", port=server.port), make_message(), mail_from=address, recipients=[A]
        )


async def test_a_repeated_recipient_is_offered_once(server: MailServer) -> None:
    assert short(await deliver(server, A, A)) == [(A, SENT, 250), (A, SENT, 250)]
    assert [envelope.rcpt_tos for envelope in server.messages] == [[A]]


# TLS and signing in


def relay_of(
    server: MailServer, tls: Any, host: str = "127.0.0.1", password: str | None = "heslo"
) -> SmtpServer:
    return SmtpServer(host, server.port, tls, "jana" if password else None, password)


async def deliver_through(relay: SmtpServer, **options: Any) -> list[RecipientResult]:
    return await send(relay, make_message(), mail_from=FROM, recipients=[A], timeout_s=5, **options)


@pytest.mark.parametrize("kind", ["tls", "starttls"])
async def test_one_signs_in_over_verified_tls(tmp_path: Path, kind: Any) -> None:
    served, trusting = make_certificate(tmp_path, "127.0.0.1")
    async with mail_server(**{kind: served}, auth_require_tls=kind == "starttls") as server:
        results = await deliver_through(relay_of(server, kind), tls_context=trusting)

    assert short(results) == [(A, SENT, 250)]
    assert server.logins == [("jana", "heslo")]


@pytest.mark.parametrize("kind", ["tls", "starttls"])
@pytest.mark.parametrize("wrong", ["stranger", "name", "expired"])
async def test_nobody_signs_in_over_tls_that_is_not_verified(tmp_path: Path, kind: Any, wrong: str) -> None:
    names = ("mail.firma.cz",) if wrong == "name" else ("127.0.0.1",)
    served, trusting = make_certificate(tmp_path, *names, valid=wrong != "expired")
    async with mail_server(**{kind: served}) as server:
        results = await deliver_through(
            relay_of(server, kind), tls_context=None if wrong == "stranger" else trusting
        )

    assert results == [RecipientResult(A, TEMPORARY, None, smtp_replies.NO_TLS)]
    assert server.logins == []
    assert server.messages == []


async def test_a_stripped_starttls_stops_everything(server: MailServer) -> None:
    for password in ("heslo", None):
        results = await deliver_through(relay_of(server, "starttls", password=password))

        assert results == [RecipientResult(A, TEMPORARY, None, smtp_replies.NO_TLS)]
    assert server.logins == []
    assert server.messages == []


async def test_a_password_in_the_clear_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async with mail_server(auth_require_tls=False) as server:
        assert short(await deliver_through(relay_of(server, "none"))) == [(A, SENT, 250)]
        assert server.logins == [("jana", "heslo")]

        monkeypatch.setattr(smtp, "_is_loopback", lambda client: False)
        assert await deliver_through(relay_of(server, "none")) == [
            RecipientResult(A, TEMPORARY, None, smtp_replies.NO_TLS)
        ]
        assert len(server.logins) == 1


async def test_a_wrong_password_is_told_and_tried_again() -> None:
    async with mail_server(auth_require_tls=False) as server:
        results = await deliver_through(relay_of(server, "none", password="spatne"))

    assert results == [RecipientResult(A, TEMPORARY, None, smtp_replies.NOT_LET_IN)]
    assert server.messages == []


async def test_a_server_that_lets_nobody_sign_in_says_so(server: MailServer) -> None:
    results = await deliver_through(relay_of(server, "none"))

    assert results == [RecipientResult(A, TEMPORARY, None, smtp_replies.NOT_LET_IN)]

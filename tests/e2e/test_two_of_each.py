"""Two web and two worker processes on one PostgreSQL and one Valkey: nothing twice, nothing lost, nobody left unaware."""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from app import db
from app.engine.ids import local_id
from app.integrations import mail_catcher, valkey
from app.models import Email, EmailState, Employee, Project, ReminderEvent, ReminderEventKind
from tests.databases import Databases
from tests.e2e.client import Stream
from tests.e2e.firm import Firm, Person, found
from tests.e2e.installation import Installation, installation, until
from tests.factories import make_employee, make_reminder
from tests.valkey import running_valkey

#: How many mails of one project a worker sends at once.
AT_ONCE = 2
PAST = timedelta(seconds=1)


@dataclass
class Gate:
    """While it is shut, the mail server answers no message: `waiting` of them. A sender that dies takes his along."""

    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def pass_through(self) -> None:
        self.waiting += 1
        try:
            await self.is_open.wait()
        finally:
            self.waiting -= 1

    async def holds(self, count: int) -> None:
        """Until so many messages wait."""
        await until(lambda: self.waiting == count)


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    """The gate before the installation's mail server. It is open."""
    gate = Gate()
    gate.is_open.set()

    class Catcher(mail_catcher._Catcher):
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            await gate.pass_through()
            return await super().handle_DATA(server, session, envelope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mail_catcher, "_Catcher", Catcher)
        yield gate


@pytest.fixture(scope="module")
def later_valkeys() -> Iterator[ExitStack]:
    """Servers that take the place of the installation's."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def divize(
    databases: Databases,
    gate: Gate,
    later_valkeys: ExitStack,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Installation]:
    url = await databases.fresh("postgres")
    async with installation(tmp_path_factory.mktemp("two"), url, webs=2, workers=2) as started:
        yield started
    await databases.drop(url)


@pytest.fixture(scope="module")
async def firm(divize: Installation) -> Firm:
    return await found(divize)


@pytest.fixture(scope="module")
async def person(firm: Firm) -> Person:
    """A sales representative who is signed in at the first web process, whose window does not come back soon."""
    return await firm.hire("Oldřich Obchodní", "SALES_REP", reminderIntervalMinutes=1440)


async def test_a_socket_hears_what_was_done_through_the_other_process(firm: Firm, person: Person) -> None:
    other = firm.divize.client(person.client.token, web=1)
    async with person.client.socket() as here, other.socket() as there:
        feeds = [await socket.subscribe("Feed") for socket in (here, there)]
        for feed in feeds:
            await feed.backlog()

        made = await other.do("Remind", title="Zavolat", dueAt="2026-01-01T08:00:00Z")
        opened = [await feed.next() for feed in feeds]
        await person.client.do("Resolve", id=made["reminder"]["id"])
        closed = [await feed.next() for feed in feeds]

    assert [event["reminders"][0]["title"] for event in opened] == ["Zavolat"] * 2
    assert [event["closedReason"] for event in closed] == ["RESOLVED"] * 2
    assert opened[0]["cursor"] == opened[1]["cursor"] and closed[0]["cursor"] == closed[1]["cursor"]


async def test_the_state_of_a_mail_is_told_by_the_other_process(firm: Firm, person: Person) -> None:
    other = firm.divize.client(person.client.token, web=1)
    contact = await firm.add_contact("Sledovaný", email="sledovany@example.cz")
    email = (await person.client.do("Send", contactId=contact, subject="Nabídka", text="Zde."))["email"]

    async with other.socket() as socket:
        told = await (await socket.subscribe("EmailStatus", emailId=email["id"])).rest()

    assert told[-1]["state"] == "SENT"


async def test_a_session_revoked_in_one_process_is_over_in_the_other_within_a_second(
    firm: Firm, person: Person
) -> None:
    phone = (await firm.sign_in(person)).on(firm.divize.client(web=1))
    sessions = (await phone.ask("Sessions"))["sessions"]
    own = next(session["id"] for session in sessions if session["current"])
    async with phone.socket() as socket:
        assert not await phone.is_refused()

        await person.client.do("RevokeSession", id=own)

        assert await socket.closed(within_s=1) == 4403
        assert await until(phone.is_refused, within_s=1)


async def test_each_of_many_windows_opens_once(firm: Firm) -> None:
    async with firm.divize.rows():
        project = await Project.get(id=local_id("Project", firm.project_id))
        due_at = await db.now() + timedelta(seconds=2)
        employees = [await at_work(project, due_at) for _ in range(30)]
        events = ReminderEvent.filter(employee_id__in=[employee.id for employee in employees])

        async def all_opened() -> bool:
            return await events.count() >= len(employees)

        await until(all_opened)
        opened = Counter(await events.values_list("employee_id", flat=True))
        following = Employee.filter(id__in=list(opened), next_popup_at__gt=due_at + timedelta(minutes=10))

        assert opened == Counter(employee.id for employee in employees)
        assert await following.count() == len(employees)


async def test_mail_that_many_could_send_is_sent_once(firm: Firm, person: Person) -> None:
    queued = await send(firm, person, "Jednou", 12)

    await all_sent(firm, queued)

    assert arrived(firm, "Jednou") == Counter(queued)
    async with firm.divize.rows():
        emails = await Email.filter(message_id__in=queued)
    assert [email.attempt for email in emails] == [1] * len(queued)


async def test_the_mail_of_a_killed_worker_is_sent_by_the_other(
    firm: Firm, person: Person, gate: Gate
) -> None:
    gate.is_open.clear()
    queued = await send(firm, person, "Přežije", 8)
    await gate.holds(2 * AT_ONCE)

    firm.divize.workers[0].end(signal.SIGKILL)
    await gate.holds(AT_ONCE)
    gate.is_open.set()
    await in_state(firm, queued, EmailState.SENT, len(queued) - AT_ONCE)
    await expire_leases(firm)
    await all_sent(firm, queued)

    assert arrived(firm, "Přežije") == Counter(queued)
    firm.divize.start_worker()


async def test_reminders_and_mail_come_while_valkey_is_away_and_after_it_came_back_empty(
    firm: Firm, later_valkeys: ExitStack
) -> None:
    person = await firm.hire("Vendula Vytrvalá", "SALES_REP", reminderIntervalMinutes=1440)
    folder = firm.divize.valkey_folder
    async with person.client.socket() as socket:
        feed = await socket.subscribe("Feed")
        await feed.backlog()

        valkey.stop_left_behind(folder)
        await remind(person, "Bez zvonku")
        await all_sent(firm, await send(firm, person, "Bez zvonku", 2))
        await opened(firm, person)

        shutil.rmtree(folder / "appendonlydir")
        later_valkeys.enter_context(running_valkey(folder))
        assert await shown(feed) == ["Bez zvonku"]
        await remind(person, "Se zvonkem")
        await all_sent(firm, await send(firm, person, "Se zvonkem", 2))
        assert await shown(feed) == ["Bez zvonku", "Se zvonkem"]
    await firm.divize.ready()


async def at_work(project: Project, due_at: Any) -> Employee:
    """An employee with a reminder that is due then, whose window comes back in 12 minutes."""
    employee = await make_employee(
        project, ["SALES_REP"], reminder_interval_minutes=1440, next_popup_at=due_at
    )
    await make_reminder(employee, due_at=due_at)
    return employee


async def remind(person: Person, title: str) -> None:
    """A reminder that is due, and opens the window."""
    await person.client.do("Remind", title=title, dueAt="2026-01-01T08:00:00Z")


async def opened(firm: Firm, person: Person) -> None:
    """Until a worker has opened his window, whoever hears of it."""
    id_, kind = local_id("Employee", person.id), ReminderEventKind.POPUP
    async with firm.divize.rows():
        await until(lambda: ReminderEvent.exists(employee_id=id_, kind=kind))


async def shown(feed: Stream) -> list[str]:
    """The titles in the window that opens next."""
    event = await feed.next()
    return [reminder["title"] for reminder in event["reminders"]]


async def send(firm: Firm, person: Person, subject: str, count: int) -> list[str]:
    """Sends so many mails through both web processes in turn; their Message-IDs."""
    contact = await firm.add_contact(subject, email="zakaznik@example.cz")
    devices = [firm.divize.client(person.client.token, web=web) for web in (0, 1)]
    payloads = [
        await devices[number % 2].do("Send", contactId=contact, subject=subject, text=str(number))
        for number in range(count)
    ]
    return [payload["email"]["messageId"] for payload in payloads]


async def in_state(firm: Firm, message_ids: list[str], state: EmailState, count: int) -> None:
    async with firm.divize.rows():

        async def reached() -> bool:
            return await Email.filter(message_id__in=message_ids, state=state).count() >= count

        await until(reached)


async def all_sent(firm: Firm, message_ids: list[str]) -> None:
    await in_state(firm, message_ids, EmailState.SENT, len(message_ids))


async def expire_leases(firm: Firm) -> None:
    """The claims of whoever died are over, as they are after 40 s."""
    async with firm.divize.rows():
        await Email.filter(state=EmailState.SENDING).update(lease_until=await db.now() - PAST)


def arrived(firm: Firm, subject: str) -> Counter[str]:
    """How often each mail of this subject came, by Message-ID."""
    mails = [mail for mail in firm.divize.mails.all() if mail.subject == subject]
    return Counter(dict(mail.headers)["Message-ID"] for mail in mails)

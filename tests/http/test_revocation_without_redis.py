"""With the doorbell stopped, what another process withdrew ends by looking into the database; when it is back, at once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import db
from app.integrations import valkey
from app.models import Contact, Employee, EmployeeDivision, EmployeeStatus, Session
from app.policy import Role
from app.schema import emails
from tests.abuse.serving import Divize, serving
from tests.e2e.client import Socket, Stream
from tests.factories import NOON, make_contact, make_division, make_email, make_employee, make_project
from tests.graphql import gid, quick_passwords
from tests.valkey import running_valkey

__all__ = ["quick_passwords"]

QUICK_S = 0.1
#: So long that no test waits for it.
LONG_S = 3_600.0
SOON_S = 5


@dataclass
class Scene:
    """A sales representative of one division follows his feed, and a mail to its contact, over one socket."""

    employee: Employee
    contact: Contact
    socket: Socket
    feed: Stream
    mail: Stream


@asynccontextmanager
async def without_redis(
    database_url: str, folder: Path, *, recheck_every_s: float = QUICK_S
) -> AsyncIterator[Scene]:
    """All is live, and then the Valkey in this folder is stopped. What a test writes now, it writes as another process."""
    with running_valkey(folder) as url:
        running = serving(database_url, url, recheck_every_s=recheck_every_s)
        async with running as divize, _live(divize) as scene:
            valkey.stop_left_behind(folder)
            yield scene


@asynccontextmanager
async def _live(divize: Divize) -> AsyncIterator[Scene]:
    project = await make_project()
    division = await make_division(project)
    employee = await make_employee(project, [Role.SALES_REP], divisions=[division])
    contact = await make_contact(project, division=division)
    email = await make_email(project, contact=contact)
    async with (await divize.device(employee)).socket() as socket:
        feed = await socket.subscribe("Feed")
        mail = await socket.subscribe("EmailStatus", emailId=gid(email))
        await feed.next()
        await mail.next()
        yield Scene(employee, contact, socket, feed, mail)


async def end_session(scene: Scene) -> None:
    await Session.filter(employee_id=scene.employee.id).update(revoked_at=await db.now())


async def dismiss(scene: Scene) -> None:
    gone = {"status": EmployeeStatus.DEACTIVATED, "deactivated_at": NOON}
    await Employee.filter(id=scene.employee.id).update(**gone)


async def take_roles(scene: Scene) -> None:
    await Employee.filter(id=scene.employee.id).update(roles=[])


async def take_division(scene: Scene) -> None:
    await EmployeeDivision.filter(employee_id=scene.employee.id).delete()


async def move_contact(scene: Scene) -> None:
    elsewhere = await make_division(await scene.contact.project)
    await Contact.filter(id=scene.contact.id).update(division_id=elsewhere.id)


@pytest.mark.parametrize("withdraw", [end_session, dismiss])
async def test_sockets_close_at_the_next_round(
    database_url: str, tmp_path: Path, withdraw: Callable[[Scene], Awaitable[None]]
) -> None:
    async with without_redis(database_url, tmp_path) as scene:
        await withdraw(scene)

        assert await scene.socket.closed(SOON_S) == 4403


async def test_withdrawn_roles_end_what_needed_them_at_the_next_round(
    database_url: str, tmp_path: Path
) -> None:
    async with without_redis(database_url, tmp_path) as scene:
        await take_roles(scene)

        assert await scene.feed.ending(SOON_S) == await scene.mail.ending(SOON_S) == "FORBIDDEN"
        (me,) = await (await scene.socket.subscribe("Me")).rest()
    assert me["employee"]["roles"] == []


async def test_a_withdrawn_division_takes_the_mail_along_at_the_next_round(
    database_url: str, tmp_path: Path
) -> None:
    async with without_redis(database_url, tmp_path) as scene:
        await take_division(scene)

        assert await scene.mail.ending(SOON_S) == "complete"
        assert scene.feed.messages.empty()


async def test_a_contact_that_moved_takes_its_mail_along_at_the_next_look(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "POLL_S", QUICK_S)
    async with without_redis(database_url, tmp_path, recheck_every_s=LONG_S) as scene:
        await move_contact(scene)

        assert await scene.mail.ending(SOON_S) == "complete"


async def test_what_was_withdrawn_meanwhile_ends_as_soon_as_the_doorbell_is_back(
    database_url: str, tmp_path: Path
) -> None:
    async with without_redis(database_url, tmp_path, recheck_every_s=LONG_S) as scene:
        await take_roles(scene)

        with running_valkey(tmp_path):
            assert await scene.feed.ending() == await scene.mail.ending() == "FORBIDDEN"

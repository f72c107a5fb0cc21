"""Every road by which a right goes ends what is live at another process: over real sockets, two web processes and Valkey."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app import db, security
from app.models import (
    Account,
    Contact,
    Division,
    Email,
    Employee,
    LeadShare,
    Partner,
    Project,
    Reminder,
    Session,
)
from app.policy import Role
from tests.databases import Databases
from tests.e2e.client import Client, Socket, Stream
from tests.e2e.installation import Installation, installation
from tests.factories import (
    FAR_AWAY,
    make_account,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
    make_session,
)
from tests.graphql import PASSWORD, gid, make_account_with_password

RECALL = "mutation ($input: LeadShareRecallInput!) { leadShareRecall(input: $input) { errors { code } } }"
CANCEL = "mutation ($input: EmailCancelInput!) { emailCancel(input: $input) { errors { code } } }"
#: What is withdrawn must end what is live within this time, on a busy machine too.
SOON_S = 5


@dataclass
class Scene:
    """A sales representative of one division, signed in twice: `here` at the first web process, `phone` at the second,
    through which `admin` acts too. He has a reminder about a contact of his division, and follows a mail to it.
    """

    divize: Installation
    project: Project
    admin: Client
    boss: Employee
    employee: Employee
    here: Client
    session: Session
    phone: Client
    contact: Contact
    reminder: Reminder
    mail: Email
    elsewhere: Division
    partner: Partner

    async def change(self, **changes: Any) -> None:
        """Whoever may have reminders no more leaves them to the admin."""
        await self.admin.do(
            "UpdateEmployee", id=gid(self.employee), reassignRemindersTo=gid(self.boss), **changes
        )

    @asynccontextmanager
    async def live(self) -> AsyncIterator[tuple[Socket, Stream, Stream]]:
        """A socket with his feed and the mail, both live."""
        async with self.here.socket() as socket:
            feed = await socket.subscribe("Feed")
            mail = await socket.subscribe("EmailStatus", emailId=gid(self.mail))
            assert [each["reminders"] for each in await feed.backlog()] == [[]]
            assert (await mail.next())["state"] == "QUEUED"
            yield socket, feed, mail


@pytest.fixture(scope="module")
async def divize(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    url = await databases.fresh("postgres")
    async with installation(tmp_path_factory.mktemp("roads"), url, webs=2) as started:
        yield started
    await databases.drop(url)


@pytest.fixture
async def scene(divize: Installation) -> Scene:
    async with divize.rows():
        project = await make_project()
        division, elsewhere = await make_division(project), await make_division(project)
        boss = await make_employee(project, [Role.ADMIN], account=await make_account_with_password())
        employee = await make_employee(
            project,
            [Role.SALES_REP],
            divisions=[division],
            account=await make_account_with_password(),
            reminder_interval_minutes=1440,
        )
        contact = await make_contact(project, name="Tajná firma", division=division)
        here, session = await signed_in(divize, employee, web=0)
        return Scene(
            divize=divize,
            project=project,
            admin=(await signed_in(divize, boss, web=1))[0],
            boss=boss,
            employee=employee,
            here=here,
            session=session,
            phone=(await signed_in(divize, employee, web=1))[0],
            contact=contact,
            reminder=await make_reminder(employee, contact=contact, due_at=FAR_AWAY),
            mail=await make_email(project, contact=contact, author=boss, next_attempt_at=FAR_AWAY),
            elsewhere=elsewhere,
            partner=await make_partner(project),
        )


async def signed_in(divize: Installation, employee: Employee, *, web: int) -> tuple[Client, Session]:
    token = security.new_token()
    account = await Account.get(id=employee.account_id)
    session = await make_session(account, employee, token_hash=security.token_hash(token))
    return divize.client(token, web=web), session


async def revoke_session(scene: Scene) -> None:
    await scene.phone.do("RevokeSession", id=gid(scene.session))


async def revoke_others(scene: Scene) -> None:
    await scene.phone.do("RevokeSession", all=True)


async def sign_out(scene: Scene) -> None:
    await Client(scene.phone.http, scene.phone.address, scene.here.token).ask("SignOut")


async def change_password(scene: Scene) -> None:
    await scene.phone.do("ChangePassword", current=PASSWORD, new="jeste lepsi heslo")


async def deactivate(scene: Scene) -> None:
    await scene.admin.do("Deactivate", id=gid(scene.employee), reassignRemindersTo=gid(scene.boss))


async def delete_project(scene: Scene) -> None:
    await scene.admin.do("DeleteProject", password=PASSWORD, name=scene.project.name)


@pytest.mark.parametrize(
    "withdraw", [revoke_session, revoke_others, sign_out, change_password, deactivate, delete_project]
)
async def test_sockets_close(scene: Scene, withdraw: Callable[[Scene], Awaitable[None]]) -> None:
    async with scene.live() as (socket, feed, mail):
        await withdraw(scene)

        assert await socket.closed(SOON_S) == 4403
    assert feed.messages.empty() and mail.messages.empty()


async def test_withdrawn_roles_end_what_needed_them_and_leave_the_socket(scene: Scene) -> None:
    async with scene.live() as (socket, feed, mail):
        await scene.change(roles=[])

        assert [await stream.ending(SOON_S) for stream in (feed, mail)] == ["FORBIDDEN", "FORBIDDEN"]
        (me,) = await (await socket.subscribe("Me")).rest()
    assert me["employee"]["roles"] == []


async def test_who_becomes_external_follows_no_mail_and_keeps_his_feed(scene: Scene) -> None:
    async with scene.live() as (_, feed, mail):
        await scene.change(partnerId=gid(scene.partner))

        assert await mail.ending(SOON_S) == "FORBIDDEN"
        await is_given_away(scene, feed)
        await goes_on(scene, feed)


async def test_who_may_read_his_own_mail_only_follows_no_colleagues(scene: Scene) -> None:
    async with scene.live() as (_, feed, mail):
        await scene.change(roles=[Role.TELEPHONIST])

        assert await mail.ending(SOON_S) == "complete"
        await goes_on(scene, feed)


async def withdraw_division(scene: Scene) -> None:
    await scene.change(divisionIds=[gid(scene.elsewhere)])


async def move_contact(scene: Scene) -> None:
    await scene.admin.do("UpdateContact", id=gid(scene.contact), divisionId=gid(scene.elsewhere))


@pytest.mark.parametrize("withdraw", [withdraw_division, move_contact])
async def test_what_goes_out_of_sight_leaves_without_a_word_of_its_contents(
    scene: Scene, withdraw: Callable[[Scene], Awaitable[None]]
) -> None:
    async with scene.live() as (_, feed, mail):
        await withdraw(scene)

        assert await mail.ending(SOON_S) == "complete"
        await is_given_away(scene, feed)
        await goes_on(scene, feed)


async def test_a_deleted_contact_ends_the_mail_of_colleagues(scene: Scene) -> None:
    async with scene.live() as (_, feed, mail):
        await scene.admin.do("DeleteContact", id=gid(scene.contact))

        assert await mail.ending(SOON_S) == "complete"
        closed = await feed.next(SOON_S)
    assert (closed["reminderId"], closed["closedReason"]) == (gid(scene.reminder), "DELETED")


async def test_who_gets_a_flag_more_is_not_disturbed(scene: Scene) -> None:
    async with scene.live() as (_, feed, mail):
        await scene.change(canSendBulkEmail=True)

        assert (await scene.admin.query(CANCEL, input={"id": gid(scene.mail)})).errors == []
        assert [each["state"] for each in await mail.rest()] == ["CANCELLED"]
        await goes_on(scene, feed)


@pytest.mark.parametrize("road", ["recalled", "over"])
async def test_a_share_that_ends_takes_the_reminder_along(scene: Scene, road: str) -> None:
    external, share, reminder = await lent(scene, until=timedelta(seconds=2) if road == "over" else None)
    async with external.socket() as socket:
        feed = await socket.subscribe("Feed")
        await feed.next()
        if road == "recalled":
            assert (await scene.admin.query(RECALL, input={"id": gid(share)})).errors == []

        closed = await feed.next()
    assert (closed["reminderId"], closed["closedReason"]) == (gid(reminder), "GIVEN_AWAY")
    assert "Tajná" not in str(closed)


async def test_a_mutation_over_a_socket_whose_session_ended_unheard_writes_nothing(scene: Scene) -> None:
    async with scene.live() as (socket, _, _):
        async with scene.divize.rows():
            await Session.filter(id=scene.session.id).update(revoked_at=await db.now())
        sent = {"title": "Po odvolání", "dueAt": "2026-01-01T08:00:00Z"}
        answer = await socket.subscribe("Remind", input=sent)

        assert await is_refused(socket, answer)
    async with scene.divize.rows():
        assert not await Reminder.exists(title="Po odvolání")


async def is_refused(socket: Socket, answer: Stream) -> bool:
    """By the end of the socket; by the answer, if this process still believes in the session, as it may for a second."""
    answered = asyncio.ensure_future(answer.messages.get())
    closed = asyncio.ensure_future(socket.connection.wait_closed())
    await asyncio.wait([answered, closed], timeout=SOON_S, return_when=asyncio.FIRST_COMPLETED)
    if not answered.done():
        answered.cancel()
        return socket.connection.close_code == 4403
    (error,) = answered.result()["payload"]["errors"]
    return bool(error["extensions"]["code"] == "UNAUTHENTICATED")


async def lent(scene: Scene, *, until: timedelta | None) -> tuple[Client, LeadShare, Reminder]:
    """An external employee with a reminder about a contact that is lent for so long."""
    async with scene.divize.rows():
        ends_at = await db.now() + until if until else None
        share = await make_lead_share(
            scene.project, scene.partner, [scene.contact], created_by=scene.boss, valid_until=ends_at
        )
        employee = await make_employee(
            scene.project, [Role.EXTERNAL_TELEPHONIST], partner=scene.partner, account=await make_account()
        )
        reminder = await make_reminder(employee, contact=scene.contact, due_at=FAR_AWAY)
        client, _ = await signed_in(scene.divize, employee, web=0)
        return client, share, reminder


async def is_given_away(scene: Scene, feed: Stream) -> None:
    closed = await feed.next(SOON_S)
    assert (closed["reminderId"], closed["closedReason"]) == (gid(scene.reminder), "GIVEN_AWAY")
    assert "Tajná" not in str(closed)


async def goes_on(scene: Scene, feed: Stream) -> None:
    """A window that opens comes to it."""
    await scene.phone.do("Remind", title="Dál", dueAt="2026-01-01T08:00:00Z")
    assert [each["title"] for each in (await feed.next())["reminders"]] == ["Dál"]

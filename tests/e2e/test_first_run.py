"""The guide, from nothing to people at work: over real sockets, with real processes and real mail, on both engines.

Pop-ups and mail have files of their own beside this one.
"""

import asyncio
import re
from pathlib import Path
from typing import Any

from app.models import Employee
from app.policy import Permission, Role, grants_of, is_external
from app.text import sort_key
from tests.ares_server import CEZ
from tests.e2e.client import DOCUMENTS, Client
from tests.e2e.firm import (
    ADDRESS,
    DIVISIONS,
    FOUNDER,
    FROM,
    ICO,
    NAME,
    PASSWORD,
    PEOPLE,
    Firm,
    Person,
    token_in,
)
from tests.e2e.installation import INSTALLATION_ADDRESS, until

SEAT = {"street": "Duhová 1444/2", "city": "Praha", "postalCode": "14000", "country": "CZ"}


def test_every_document_of_the_first_run_is_played() -> None:
    names = set(re.findall(r"^(?:query|mutation|subscription) (\w+)", DOCUMENTS, re.MULTILINE))
    played = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))

    assert {name for name in names if f'"{name}"' not in played} == set()


async def test_a_project_takes_its_base_data_from_the_register(firm: Firm) -> None:
    company = await firm.account.ask("Lookup", ico=ICO)
    project = await firm.admin.ask("Project")

    assert company == {
        "ico": ICO,
        "vatId": "CZ45274649",
        "name": CEZ["obchodniJmeno"],
        "legalForm": "Akciová společnost",
        "active": True,
        "address": SEAT,
    }
    assert (project["name"], project["email"], project["ico"]) == (NAME, ADDRESS, ICO)
    assert project["address"] == SEAT
    assert [(edge["node"]["name"], edge["node"]["email"]) for edge in project["divisions"]["edges"]] == [
        *DIVISIONS.items()
    ]


async def test_the_founder_is_the_admin(firm: Firm) -> None:
    viewer = await firm.admin.ask("Me")

    assert viewer["account"] == {"name": FOUNDER, "email": "jana@firma.cz"}
    assert viewer["employee"]["roles"] == ["ADMIN"]
    assert viewer["employee"]["project"] == {"id": firm.project_id, "name": NAME}
    assert viewer["permissions"] == [permission.value for permission in Permission]


async def test_invitations_come_from_the_projects_address(firm: Firm) -> None:
    mails = [person.invitation for person in firm.people.values()]

    assert {(mail.from_, mail.sender, mail.subject) for mail in mails} == {
        (FROM, ADDRESS, f"Pozvánka do projektu {NAME}")
    }
    assert [mail.recipients for mail in mails] == [[person.email] for person in firm.people.values()]


async def test_an_invitation_is_accepted_once(firm: Firm) -> None:
    person = firm.holder_of("TELEPHONIST")

    answer = await firm.divize.client().run(
        "Accept", input={"token": token_in(person.invitation), "password": PASSWORD}
    )

    assert [error["code"] for error in answer.data["invitationAccept"]["errors"]] == ["EXPIRED"]
    assert answer.data["invitationAccept"]["session"] is None


async def test_all_who_accepted_are_employees(firm: Firm) -> None:
    employees = await everybody(firm)

    by_name = {employee["name"]: employee for employee in employees}
    assert {name: by_name[name]["roles"] for name in PEOPLE} == PEOPLE
    assert {by_name[name]["status"] for name in PEOPLE} == {"ACTIVE"}
    assert [employee["name"] for employee in employees] == sorted(by_name, key=sort_key)


async def test_each_signs_in_with_the_rights_of_his_roles_and_out(firm: Firm) -> None:
    async def signs_in(person: Person) -> tuple[dict[str, Any], bool]:
        client = await firm.sign_in(person)
        viewer = await client.ask("Me")
        await client.do("SignOut")
        return viewer, await client.is_refused()

    seen = await asyncio.gather(*(signs_in(person) for person in firm.people.values()))

    assert [viewer["employee"]["name"] for viewer, _ in seen] == list(firm.people)
    assert [viewer["permissions"] for viewer, _ in seen] == [
        rights_of(person.roles) for person in firm.people.values()
    ]
    assert [is_refused for _, is_refused in seen] == [True] * len(seen)


async def test_an_account_with_two_projects_enters_one_of_them(firm: Firm) -> None:
    account = firm.divize.client()
    await account.do("SignUp", email="petr@firma.cz", password=PASSWORD, name="Petr Podnikavý")
    founder = account.token
    made = [await firm.divize.client(founder).do("CreateProject", name=name) for name in ("Alfa", "Beta")]

    signed_in = await account.do("SignIn", email="petr@firma.cz", password=PASSWORD)
    projects = (await account.ask("MyProjects"))["edges"]
    entered = await account.do("EnterProject", projectId=projects[1]["node"]["id"])

    assert signed_in["session"]["employee"] is None
    assert [edge["node"] for edge in projects] == [
        {"id": each["project"]["id"], "name": each["project"]["name"]} for each in made
    ]
    assert entered["session"]["employee"]["project"] == {"id": projects[1]["node"]["id"], "name": "Beta"}


async def test_a_session_is_ended_from_another_device(firm: Firm) -> None:
    person = await firm.hire("Dana Dvojí", "SALES_REP")
    phone = await firm.sign_in(person)
    sessions = (await phone.ask("Sessions"))["sessions"]
    other = next(session["id"] for session in sessions if not session["current"])

    ended = await phone.do("RevokeSession", id=other)

    assert (len(sessions), ended["revokedSessionId"]) == (2, other)
    assert await until(person.client.is_refused, within_s=1)
    assert not await phone.is_refused()


async def test_a_changed_password_ends_the_other_devices(firm: Firm) -> None:
    person = await firm.hire("Zora Změna", "SALES_REP")
    phone = await firm.sign_in(person)

    await phone.do("ChangePassword", current=PASSWORD, new="uplne jine heslo")

    assert await until(person.client.is_refused, within_s=1)
    signed_in = await firm.divize.client().do("SignIn", email=person.email, password="uplne jine heslo")
    assert signed_in["session"]["employee"]["id"] == person.id


async def test_a_forgotten_password_is_reset_by_mail(firm: Firm) -> None:
    person = await firm.hire("Zdena Zapomnětlivá", "SALES_REP")
    stranger = firm.divize.client()
    await stranger.do("AskReset", email=person.email)
    mail = await firm.divize.mails.next_to(person.email, "Obnovení hesla")

    await stranger.do("Reset", token=token_in(mail), password="nove spravne heslo")

    assert mail.from_ == f"Divize <{INSTALLATION_ADDRESS}>"
    assert (await stranger.ask("Me"))["employee"]["name"] == person.name
    assert await until(person.client.is_refused, within_s=1)
    old = await firm.divize.client().run("SignIn", input={"email": person.email, "password": PASSWORD})
    assert old.faults("signIn") == [("input.password", "WRONG_CREDENTIALS")]


async def test_base_data_and_divisions_are_corrected(firm: Firm) -> None:
    project = (await firm.admin.do("UpdateProject", timeZone="Europe/Bratislava"))["project"]
    made = (await firm.admin.do("CreateDivision", name="Sklad"))["division"]
    renamed = (await firm.admin.do("UpdateDivision", id=made["id"], name="Velkosklad"))["division"]
    archived = (await firm.admin.do("ArchiveDivision", id=made["id"]))["division"]

    assert project == {"id": firm.project_id, "name": NAME, "email": ADDRESS, "version": 2}
    assert renamed == {"id": made["id"], "name": "Velkosklad", "email": None}
    assert archived["archivedAt"] is not None


async def test_whoever_leaves_is_shut_out_within_a_second_and_may_come_back(firm: Firm) -> None:
    person = await firm.hire("Pavel Přechodný", "SALES_REP", reminderIntervalMinutes=1)
    heir = firm.holder_of("SALES_REP")
    await person.client.do("Remind", title="Zavolat", dueAt="2099-01-01T08:00:00Z")
    async with person.client.socket() as socket:
        refused = await firm.admin.run("Deactivate", input={"id": person.id})
        assert refused.faults("employeeDeactivate") == [("input.reassignRemindersTo", "OPEN_REMINDERS")]

        left = await firm.admin.do("Deactivate", id=person.id, reassignRemindersTo=heir.id)

        assert await socket.closed(within_s=1) == 4403
    assert await until(person.client.is_refused, within_s=1)
    assert left["employee"] == {"id": person.id, "status": "DEACTIVATED"}
    assert "Zavolat" in [each["title"] for each in (await heir.client.ask("ToDo"))["nodes"]]

    await firm.admin.do("Reactivate", id=person.id)
    assert (await (await firm.sign_in(person)).ask("ToDo"))["nodes"] == []


async def test_an_employees_roles_and_interval_are_changed(firm: Firm) -> None:
    person = await firm.hire("Vilém Všestranný", "TELEPHONIST")

    changed = await firm.admin.do(
        "UpdateEmployee",
        id=person.id,
        roles=["TELEPHONIST", "INVOICER"],
        reminderIntervalMinutes=15,
        expectedVersion=2,
    )

    assert changed["employee"] == {
        "id": person.id,
        "roles": ["TELEPHONIST", "INVOICER"],
        "reminderIntervalMinutes": 15,
        "version": 3,
    }

    async def has_new_rights() -> bool:
        viewer = await person.client.ask("Me")
        return bool(viewer["permissions"] == rights_of(["TELEPHONIST", "INVOICER"]))

    assert await until(has_new_rights, within_s=1)


async def test_a_telephonist_settles_nothing_and_hires_nobody(firm: Firm) -> None:
    client = firm.holder_of("TELEPHONIST").client
    before = await counted(firm)
    invitation = {
        "name": "Kamarádka",
        "email": "kamaradka@firma.cz",
        "roles": ["DIRECTOR"],
        "divisionScope": "ALL",
    }

    division = await client.run("CreateDivision", input={"name": "Moje"})
    colleague = await client.run("Invite", input=invitation)

    assert [(answer.status, answer.codes) for answer in (division, colleague)] == [(403, ["FORBIDDEN"])] * 2
    assert await counted(firm) == before
    assert firm.divize.mails.to("kamaradka@firma.cz") == []


async def test_a_deleted_project_shuts_everybody_out_until_it_is_restored(firm: Firm) -> None:
    account, project, admin = await another_firm(firm)

    deleted = await admin.do("DeleteProject", password=PASSWORD, name="Gama")

    assert deleted["restorableUntil"] is not None
    assert await until(admin.is_refused, within_s=1)
    await account.do("SignIn", email="gita@firma.cz", password=PASSWORD)
    assert (await account.ask("MyProjects"))["edges"] == []

    restored = await account.do("RestoreProject", projectId=project, password=PASSWORD)

    assert restored["project"] == {"id": project, "name": "Gama"}
    await account.do("EnterProject", projectId=project)
    assert (await account.ask("Project"))["name"] == "Gama"


async def another_firm(firm: Firm) -> tuple[Client, str, Client]:
    """A new account, the id of its project, and its admin's device."""
    account = firm.divize.client()
    await account.do("SignUp", email="gita@firma.cz", password=PASSWORD, name="Gita Gamová")
    admin = firm.divize.client(account.token)
    made = await admin.do("CreateProject", name="Gama")
    return account, made["project"]["id"], admin


async def everybody(firm: Firm) -> list[dict[str, Any]]:
    """All employees, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = await firm.admin.ask("Employees", first=7, after=after)
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def counted(firm: Firm) -> tuple[int, int]:
    """Divisions and employees, by the database."""
    project = await firm.admin.ask("Project")
    async with firm.divize.rows():
        return len(project["divisions"]["edges"]), await Employee.all().count()


def rights_of(roles: Any) -> list[str]:
    held = [Role(role) for role in roles]
    granted = grants_of(held, external=is_external(held, None))
    return [permission.value for permission in Permission if permission in granted]

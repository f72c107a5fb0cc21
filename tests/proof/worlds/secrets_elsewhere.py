"""Secrets of other projects: nothing there may be noticed here, neither by search nor by what is taken already."""

from collections.abc import Iterator
from typing import Any

from app import models
from app.models import Area
from app.policy import Role
from app.text import fold, sort_key
from tests.factories import FAR_AWAY, NOON
from tests.proof.worlds.people import EXTERNALS, OF_THIS_PROJECT, STAFF, WITHOUT_ROLES
from tests.proof.worlds.planting import Added, Changed, Probe, Secret
from tests.proof.worlds.rows import named
from tests.proof.worlds.scene import LATE, Scene, gid, planted_id

#: Of this project, and known to nobody over there.
ONLY_HERE = (*STAFF, "director", "director_of_one", WITHOUT_ROLES, *EXTERNALS, "nobody")
OF_THERE = "other_director"


def of_elsewhere(scene: Scene) -> Iterator[Secret]:
    yield from _records(scene)
    yield from _below_contacts(scene)
    yield from _people(scene)
    yield from _their_surroundings(scene)
    yield from _whole_projects(scene)


def _records(scene: Scene) -> Iterator[Secret]:
    across, there = scene.across, scene.elsewhere
    yield Secret(
        "the name of a contact of another project",
        OF_THIS_PROJECT,
        Changed(across, named("Alfa Tam"), named("Beta Tam")),
        Probe(OF_THERE, f'{{ contact(id: "{gid(across)}") {{ name }} }}'),
    )
    # As one of here, in all that might be compared.
    twin = scene.contact(
        "Dvojče",
        there,
        ico=scene.seen.ico,
        email=scene.seen.email,
        phone=scene.seen.phone,
        vat_id="CZ27082440",
    )
    yield Secret(
        "a contact with the same numbers in another project",
        OF_THIS_PROJECT,
        Added([twin]),
        Probe(OF_THERE, f'{{ contact(id: "{gid(twin)}") {{ id }} }}'),
        ("totalCount", "search"),
    )


def _below_contacts(scene: Scene) -> Iterator[Secret]:
    across, there = scene.across, scene.elsewhere
    note = models.Activity(
        id=planted_id("note elsewhere"),
        project_id=there.id,
        contact_id=across.id,
        author_id=scene.staff_elsewhere["director"].id,
        kind=models.ActivityKind.CALL,
        area=Area.SALES,
        summary="Tajný hovor",
        occurred_at=LATE,
        created_at=LATE,
    )
    yield Secret(
        "an activity in another project",
        OF_THIS_PROJECT,
        Added([note]),
        Probe(OF_THERE, f'{{ contact(id: "{gid(across)}") {{ activities {{ totalCount }} }} }}'),
        ("activities", "totalCount"),
    )
    person = models.Person(
        id=planted_id("person elsewhere"),
        project_id=there.id,
        contact_id=across.id,
        **named("Tajný Soused"),
        email=scene.seen.email,
        created_at=NOON,
        updated_at=NOON,
    )
    yield Secret(
        "a person in another project",
        OF_THIS_PROJECT,
        Added([person]),
        Probe(OF_THERE, f'{{ node(id: "{gid(person)}") {{ id }} }}'),
        ("persons",),
    )


def _people(scene: Scene) -> Iterator[Secret]:
    there = scene.elsewhere
    email = "novacek@example.cz"
    employee = models.Employee(
        id=planted_id("employee elsewhere"),
        project_id=there.id,
        **named("Tajný Nováček"),
        email=email,
        roles=(Role.TELEPHONIST,),
        created_at=NOON,
        updated_at=NOON,
    )
    yield Secret(
        "that an e-mail address is an employee's of another project",
        OF_THIS_PROJECT,
        Added([employee]),
        Probe(OF_THERE, f'{{ node(id: "{gid(employee)}") {{ id }} }}'),
        ("employees", "email", "search"),
    )


def _their_surroundings(scene: Scene) -> Iterator[Secret]:
    there = scene.elsewhere
    reminder = models.Reminder(
        id=planted_id("reminder elsewhere"),
        project_id=there.id,
        contact_id=scene.across.id,
        assignee_id=scene.staff_elsewhere["everywhere"].id,
        created_by_id=scene.staff_elsewhere["director"].id,
        kind=models.ReminderKind.TASK,
        title="Tajný úkol tam",
        due_at=NOON,
        alert_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )
    yield Secret(
        "a reminder of the same account in another project",
        OF_THIS_PROJECT,
        Added([reminder]),
        Probe(OF_THERE, f'{{ node(id: "{gid(reminder)}") {{ id }} }}'),
        ("reminders", "openReminderCount"),
    )
    for what, row in (
        (
            "a division",
            models.Division(
                id=planted_id("division elsewhere"), updated_at=NOON, **_of(there, "Tajná divize")
            ),
        ),
        ("a partner", models.Partner(id=planted_id("partner elsewhere"), **_of(there, "Tajné centrum"))),
    ):
        yield Secret(
            f"{what} of another project",
            OF_THIS_PROJECT,
            Added([row]),
            Probe(OF_THERE, f'{{ node(id: "{gid(row)}") {{ id }} }}'),
            ("divisions", "partners", "divisionId", "partnerId"),
        )


def _of(project: models.Project, name: str) -> dict[str, Any]:
    return {"project_id": project.id, "name": name, "sort_key": sort_key(name), "created_at": NOON}


def _whole_projects(scene: Scene) -> Iterator[Secret]:
    there = scene.elsewhere
    yield Secret(
        "the base data of another project",
        OF_THIS_PROJECT,
        Changed(there, {"ico": "27082440", "city": "Alfa"}, {"ico": "00006947", "city": "Beta"}),
        Probe(OF_THERE, "{ project { ico } }"),
        ("project", "projects"),
    )
    yield Secret(
        "that another project waits for its deletion",
        ONLY_HERE,
        Changed(
            there,
            {"deletion_requested_at": None, "purge_after": None},
            {"deletion_requested_at": NOON, "purge_after": FAR_AWAY},
        ),
        Probe("account", "{ projects { totalCount } }"),
        ("projects", "restorableProjects"),
    )
    yield Secret(
        "a whole other project",
        [*ONLY_HERE, "other_director", "other_external"],
        Added(_project_with_everything(scene)),
        Probe("account", "{ projects { totalCount } }"),
        ("project", "projects", "totalCount"),
    )


def _project_with_everything(scene: Scene) -> list[Any]:
    """With an admin, a division, a partner and a contact, of names that are here too."""
    everywhere = scene.staff["everywhere"]
    project = models.Project(
        id=planted_id("project"),
        name=scene.here.name,
        sort_key=scene.here.sort_key,
        email=scene.here.email,
        ico=scene.here.ico,
        created_by_id=everywhere.account_id,
        created_at=NOON,
        updated_at=NOON,
    )
    employee = models.Employee(
        id=planted_id("admin of it"),
        project_id=project.id,
        account_id=everywhere.account_id,
        name=everywhere.name,
        sort_key=everywhere.sort_key,
        search_text=fold(everywhere.name),
        email=everywhere.email,
        roles=(Role.ADMIN,),
        status=models.EmployeeStatus.ACTIVE,
        created_at=NOON,
        updated_at=NOON,
    )
    division = models.Division(
        id=planted_id("division of it"), updated_at=NOON, **_of(project, scene.divisions[0].name)
    )
    partner = models.Partner(id=planted_id("partner of it"), **_of(project, scene.partners[0].name))
    contact = scene.contact(scene.seen.name, project, ico=scene.seen.ico, email=scene.seen.email)
    return [project, employee, division, partner, contact]

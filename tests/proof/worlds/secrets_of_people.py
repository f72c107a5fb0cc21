"""Secrets about people, their logins and what they did: colleagues, invitations, sessions, accounts, keys, the log."""

from collections.abc import Iterator
from typing import Any

from app import models
from app.policy import Role
from app.security import token_hash
from app.text import fold, sort_key
from tests.factories import FAR_AWAY, NOON
from tests.proof.worlds.people import (
    EVERYBODY,
    EXTERNALS,
    NO_BILLING_DATA,
    OUTSIDE,
    STAFF,
    STRANGERS,
    WITHOUT_ROLES,
)
from tests.proof.worlds.planting import Added, Changed, Probe, Secret
from tests.proof.worlds.rows import named, showing
from tests.proof.worlds.scene import LATE, Scene, gid, planted_id

NEW_EMAIL = "novacek@example.cz"


def of_people(scene: Scene) -> Iterator[Secret]:
    yield from _colleagues(scene)
    yield from _newcomers(scene)
    yield from _base_data(scene)
    yield from _logins(scene)
    yield from _deeds(scene)
    yield from _reports_and_events(scene)


def _colleagues(scene: Scene) -> Iterator[Secret]:
    colleague = scene.staff["telephonist_of_one"]
    of = f'node(id: "{gid(colleague)}") {{ ... on Employee'
    for what, one, other, field in (
        ("name", named("Alfa Kolega"), named("Beta Kolega"), "name"),
        ("e-mail", {"email": "alfa@example.cz"}, {"email": "beta@example.cz"}, "email"),
        ("roles", {"roles": (Role.TELEPHONIST,)}, {"roles": (Role.COMPLAINTS,)}, "roles"),
        (
            "flag to delete",
            {"can_delete_contacts": False},
            {"can_delete_contacts": True},
            "canDeleteContacts",
        ),
        (
            "interval",
            {"reminder_interval_minutes": 5},
            {"reminder_interval_minutes": 7},
            "reminderIntervalMinutes",
        ),
    ):
        yield Secret(
            f"the {what} of a colleague",
            STRANGERS,
            Changed(colleague, one, other),
            Probe("director", f"{{ {of} {{ {field} }} }} }}"),
            ("employees", "owner", "author"),
        )
    chosen = models.EmployeeDivision(
        id=planted_id("chosen"),
        project_id=scene.here.id,
        employee_id=colleague.id,
        division_id=scene.divisions[4].id,
    )
    yield Secret(
        "a division more of a colleague",
        STRANGERS,
        Added([chosen]),
        Probe("director", f"{{ {of} {{ divisions {{ id }} }} }} }}"),
        ("divisions",),
    )


def _newcomers(scene: Scene) -> Iterator[Secret]:
    invited = _invited(scene, scene.here)
    yield Secret(
        "a colleague who is invited",
        STRANGERS,
        Added([invited]),
        Probe("director", f'{{ node(id: "{gid(invited)}") {{ id }} }}'),
        ("employees", "totalCount", "search"),
    )
    yield Secret(
        "an invitation that waits",
        (*STAFF, *STRANGERS),
        Added([_invitation(scene)]),
        None,
    )


def _base_data(scene: Scene) -> Iterator[Secret]:
    project, division = scene.here, scene.divisions[0]
    for what, one, other, field in (
        ("e-mail", {"email": "alfa@firma.cz"}, {"email": "beta@firma.cz"}, "email"),
        ("seat", {"city": "Alfa"}, {"city": "Beta"}, "address { city }"),
        ("IČO", {"ico": "27082440"}, {"ico": "00006947"}, "ico"),
    ):
        yield Secret(
            f"the {what} of the project",
            STRANGERS,
            Changed(project, one, other),
            Probe("director", f"{{ project {{ {field} }} }}"),
            ("project", "projects"),
        )
    for row in (project, division):
        yield Secret(
            f"taxNumber of a {type(row).__name__}",
            NO_BILLING_DATA,
            Changed(row, {"tax_number": "8001011234"}, {"tax_number": "8002021234"}),
            showing(scene, row, "taxNumber"),
            ("taxNumber", "baseData"),
        )
    yield Secret(
        "the name of a division",
        STRANGERS,
        Changed(division, named("Alfa divize", searched=False), named("Beta divize", searched=False)),
        showing(scene, division, "name"),
        ("division", "divisions", "divisionId"),
    )


def _logins(scene: Scene) -> Iterator[Secret]:
    director = scene.staff["director"]
    others = [name for name in EVERYBODY if name != "director"]
    session = models.Session(
        id=planted_id("session"),
        account_id=director.account_id,
        project_id=scene.here.id,
        employee_id=director.id,
        token_hash=token_hash("a planted session"),
        created_at=NOON,
        last_used_at=NOON,
        expires_at=FAR_AWAY,
        absolute_expires_at=FAR_AWAY,
        user_agent="Tajný prohlížeč",
        client_ip="192.0.2.99",
    )
    yield Secret(
        "a device more on which somebody is signed in",
        others,
        Added([session]),
        Probe("director", "{ viewer { sessions { userAgent } } }"),
        ("sessions", "userAgent", "clientIp"),
    )
    account = models.Account(
        id=planted_id("account"), email=NEW_EMAIL, name="Tajný Nováček", created_at=NOON, updated_at=NOON
    )
    yield Secret(
        "that an e-mail address has an account",
        EVERYBODY,
        Added([account]),
        None,
        ("email",),
        # The answer holds a session or none: see its description.
        open_by=("accountCreate",),
        more_work_in=("signIn", "emailChangeRequest", "passwordResetRequest"),
    )
    of_director = next(row for row in scene.world.of(models.Account) if row.id == director.account_id)
    yield Secret(
        "the name of somebody else's account",
        others,
        Changed(of_director, {"name": "Alfa Účet"}, {"name": "Beta Účet"}),
        Probe("director", "{ viewer { account { name } } }"),
        ("account",),
    )
    yield Secret(
        "a link to reset somebody's password",
        EVERYBODY,
        Added([_reset_link(scene)]),
        None,
        # Whoever holds the token is the owner; the generator does not know it.
    )


def _deeds(scene: Scene) -> Iterator[Secret]:
    director = scene.staff["director"]
    record = models.IdempotencyRecord(
        id=planted_id("key"),
        project_id=scene.here.id,
        scope_id=director.id,
        mutation="contactCreate",
        key="tajny-klic",
        input_hash="0" * 64,
        result={},
        created_at=LATE,
    )
    yield Secret(
        "a key that a colleague sent with a mutation",
        [name for name in EVERYBODY if name != "director"],
        Added([record]),
        None,
        ("idempotencyKey",),
    )
    entry = models.AuditEntry(
        id=planted_id("entry"),
        project_id=scene.here.id,
        account_id=director.account_id,
        employee_id=director.id,
        action="contactUpdate",
        subject="Contact",
        subject_id=scene.seen.id,
        changes={"name": ["Alfa", "Beta"]},
        created_at=LATE,
    )
    yield Secret(
        "an entry of the log",
        (*STAFF, *EXTERNALS, WITHOUT_ROLES, *OUTSIDE),
        Added([entry]),
        showing(scene, entry, "action"),
        ("auditEntries", "auditLog"),
    )


def _reports_and_events(scene: Scene) -> Iterator[Secret]:
    director = scene.staff["director"]
    proposal = models.ContactProposal(
        id=planted_id("proposal"),
        project_id=scene.here.id,
        proposed_by_id=scene.staff["external"].id,
        name="Tajný návrh",
        email="tajny@example.cz",
        created_at=LATE,
    )
    yield Secret(
        "a contact that somebody else proposed",
        [*_who_decides_nothing(), "external_of_two"],
        Added([proposal]),
        showing(scene, proposal, "name"),
        ("contactProposals", "totalCount"),
    )
    event = models.ReminderEvent(
        id=planted_id("event"),
        project_id=scene.here.id,
        employee_id=director.id,
        number=0,  # what their feed has counted already: the next event takes 1
        kind=models.ReminderEventKind.CLOSED,
        reminder_id=planted_id("reminder"),
        closed_reason=models.ReminderClosedReason.RESOLVED,
        created_at=LATE,
    )
    yield Secret(
        "what a colleague's window was told",
        [name for name in EVERYBODY if name != "director"],
        Added([event]),
        None,
    )


def _who_decides_nothing() -> list[str]:
    """Everybody without the right to import contacts, but for him who proposed it."""
    sales = {"sales_rep", "sales_rep_of_two", "sales_and_invoices", "complaints_and_sales"}
    rest = [name for name in (*STAFF, *EXTERNALS) if name not in sales | {"external", "external_of_two"}]
    return [*rest, WITHOUT_ROLES, *OUTSIDE]


def _invited(scene: Scene, project: models.Project) -> models.Employee:
    return models.Employee(
        id=planted_id(f"invited {project.id}"),
        project_id=project.id,
        name="Tajný Nováček",
        sort_key=sort_key("Tajný Nováček"),
        search_text=fold(f"Tajný Nováček {NEW_EMAIL}"),
        email=NEW_EMAIL,
        roles=(Role.TELEPHONIST,),
        created_at=NOON,
        updated_at=NOON,
    )


def _invitation(scene: Scene) -> models.Invitation:
    invited: Any = scene.staff["invited"]
    return models.Invitation(
        id=planted_id("invitation"),
        project_id=scene.here.id,
        employee_id=invited.id,
        invited_by_id=scene.staff["director"].id,
        created_at=NOON,
        expires_at=FAR_AWAY,
    )


def _reset_link(scene: Scene) -> models.AccountToken:
    return models.AccountToken(
        id=planted_id("link"),
        account_id=scene.staff["director"].account_id,
        purpose=models.AccountTokenPurpose.PASSWORD_RESET,
        token_hash=token_hash("a planted link"),
        created_at=NOON,
        expires_at=FAR_AWAY,
    )

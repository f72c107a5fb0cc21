"""Projects: the viewer's own and those he may enter; founding, changing, deleting, restoring."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from app import db, models
from app.engine.declare import Listing, Own, Table, column, group, to_many
from app.engine.guards import GUARD, value
from app.engine.ids import global_id
from app.engine.scalars import EmailAddress, TimeZone
from app.jobs import unit_of_work
from app.policy import AccountViewer, Level, Member, Viewer
from app.policy import Permission as P  # noqa: N817
from app.schema.common import (
    CONFIRM_ICO,
    ICO,
    REGISTRATION_COUNTRY,
    REGISTRATION_NUMBER,
    TAX_NUMBER,
    VAT_ID,
    Address,
    AddressInput,
)
from app.schema.context import Context
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.schema.repeats import input_hash, key_of
from app.schema.sessions import NewSession, prove_password, signed_in
from app.services import idempotency, project_deletion, projects, sign_in


class Project(Table, model=models.Project, see=Level.ACCOUNT):
    """A firm that uses Divize. Everything in it is seen from inside alone; before it is entered, only its name."""

    name = column(Level.ACCOUNT, "Its name.", filter=True, sort="sort_key")
    email = column(
        P.PROJECT_READ, "The firm's e-mail: mail comes from there, or is answered there.", type=EmailAddress
    )
    email_verified_at = column(
        P.PROJECT_READ, "When the e-mail was proved; until then mail only asks to be answered there."
    )
    ico = column(P.PROJECT_READ, "IČO of a Czech or Slovak firm.")
    registration_number = column(P.PROJECT_READ, "The number in the register of another country, as typed.")
    registration_country = column(P.PROJECT_READ, "The country of that register.")
    vat_id = column(P.PROJECT_READ, "VAT id (DIČ, in Slovakia IČ DPH).")
    tax_number = column(
        P.CONTACT_BILLING_READ,
        "What its tax office calls it by, where that is no VAT id: a Slovak DIČ. It may be a birth number.",
    )
    legal_form = column(P.PROJECT_READ, "The legal form.")
    address = group(
        Address,
        P.PROJECT_READ,
        "The seat.",
        street="street",
        city="city",
        postal_code="postal_code",
        country="country",
    )
    time_zone = column(P.PROJECT_READ, "The zone of the times in its mail.", type=TimeZone)
    daily_delete_limit = column(
        P.PROJECT_SETTINGS, "How many contacts one employee who is no admin may delete within a day."
    )
    external_read_limit = column(
        P.PROJECT_SETTINGS,
        "How many different contacts one employee of an outside firm may be shown within 24 hours, and how often he may "
        "search them.",
    )
    default_reminder_interval_minutes = column(
        P.PROJECT_READ,
        "The reminder interval of the founder, and of whoever is invited without a word about it; null: their window is "
        "off. Those who are here keep theirs.",
    )
    reminder_interval_max_minutes = column(
        P.REMINDER_OWN, "The longest reminder interval that employees choose themselves (`viewerUpdate`)."
    )
    divisions = to_many("Division", P.PROJECT_READ, "Its divisions.", via="project_id", order="sort_key")
    version = column(P.PROJECT_READ, "Grows with each change; see expectedVersion.")
    created_at = column(P.PROJECT_READ, "When it was founded.")
    updated_at = column(P.PROJECT_READ, "When it was last changed.")


@value(Level.ACCOUNT)
class RestorableProject:
    """A project that waits to be purged. Nobody is inside; an admin of it may take it back."""

    project_id: strawberry.ID = strawberry.field(description="Its id, for projectRestore.")
    name: str = strawberry.field(description="Its name.")
    deletion_requested_at: datetime = strawberry.field(description="When an admin deleted it.")
    restorable_until: datetime = strawberry.field(description="After that it is purged with all its records.")


async def restorable_projects(info: strawberry.Info[Context, None]) -> list[RestorableProject] | None:
    account = info.context.viewer
    assert isinstance(account, AccountViewer)
    waiting = await project_deletion.restorable(account, now=await db.now())
    return [_restorable(project) for project in waiting]


def _restorable(project: models.Project) -> RestorableProject:
    assert project.deletion_requested_at is not None and project.purge_after is not None
    return RestorableProject(
        project_id=strawberry.ID(global_id("Project", project.id)),
        name=project.name,
        deletion_requested_at=project.deletion_requested_at,
        restorable_until=project.purge_after,
    )


def _own(viewer: Viewer) -> UUID | None:
    return viewer.project_id if isinstance(viewer, Member) else None


queries: dict[str, Any] = {
    "project": Own(
        guard=Level.MEMBER, description="The project that the session is in.", to="Project", find=_own
    ),
    "projects": Listing(
        guard=Level.ACCOUNT,
        description="The projects that the account may enter; inside a project, that one.",
        to="Project",
        order=("sort_key",),
    ),
    "restorable_projects": strawberry.field(
        resolver=restorable_projects,
        description="Deleted projects of which the account is an admin, until they are purged.",
        metadata={GUARD: Level.ACCOUNT},
    ),
}


@strawberry.input(description="A new project.")
class ProjectCreateInput:
    name: str = required("Its name, at most 200 characters.")
    email: str | None = optional(
        "The firm's e-mail. Unless it is the account's proved address, a link to prove it is mailed there; until then "
        "mail comes from the installation's address and is answered there."
    )
    ico: str | None = optional(f"{ICO} `companyLookup` fills the rest in.")
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(REGISTRATION_NUMBER)
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(VAT_ID)
    tax_number: str | None = optional(TAX_NUMBER)
    legal_form: str | None = optional("The legal form, at most 100 characters.")
    address: AddressInput | None = optional("The seat.")
    time_zone: str | None = optional("The zone of the times in its mail: Europe/Prague if not given.")
    idempotency_key: str | None = idempotency_key()


@mutation(Level.ACCOUNT, own_transaction=True, changes_viewer=True, project=Project, session=NewSession)
async def project_create(act: Act, input: ProjectCreateInput) -> Returned:
    """Founds a project. Whoever does so is its admin, and gets a session in it; the session that asked goes on.

    A request that is repeated with its idempotencyKey gets the same project and no session: enter it with projectEnter.
    Keys are the account's, whatever session they come from.
    """
    key, sent_hash = key_of(input), input_hash(input)
    async with act.unit_of_work() as work:
        account = _account_alone(act.account)
        assert work.origin is not None
        work.origin.viewer = account
        if key and (made := await idempotency.earlier(account, act.action, key, sent_hash, now=act.now)):
            project_id = UUID(made["project"])
            act.context.viewer = await projects.as_founder(account, project_id)
            return {"project": project_id}
        project, opened = await projects.create(
            account, now=act.now, client=act.context.client, **given(input)
        )
        if key:
            values = {"project": project.id}
            idempotency.keep(account, act.action, key, sent_hash, values, now=act.now)
    return {"project": project.id, **await signed_in(act, opened)}


def _account_alone(viewer: AccountViewer) -> AccountViewer:
    """The viewer as he is before he enters a project."""
    return AccountViewer(viewer.account_id, viewer.session_id)


@strawberry.input(description="Changes of the project. What is not sent stays; null empties a field.")
class ProjectUpdateInput:
    name: str | None = optional("Its name, at most 200 characters.")
    email: str | None = optional("The firm's e-mail. A new one must be proved before it is in From.")
    ico: str | None = optional(ICO)
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(REGISTRATION_NUMBER)
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(VAT_ID)
    tax_number: str | None = optional(TAX_NUMBER)
    legal_form: str | None = optional("The legal form, at most 100 characters.")
    address: AddressInput | None = optional("The seat; parts that are not sent stay.")
    time_zone: str | None = optional("The zone of the times in its mail, as Europe/Prague.")
    daily_delete_limit: int | None = optional(
        "How many contacts one employee who is no admin may delete within a day.", guard=P.ADMIN_GRANT
    )
    external_read_limit: int | None = optional(
        "How many different contacts one employee of an outside firm may be shown within 24 hours, and how often he may "
        "search them: 0 to 100,000."
    )
    default_reminder_interval_minutes: int | None = optional(
        "The reminder interval of whoever is invited without a word about it: 1 to 1,440. Null: their window is off. "
        "Those who are here keep theirs."
    )
    reminder_interval_max_minutes: int | None = optional(
        "The longest reminder interval that employees choose themselves: 1 to 1,440. Those who have a longer one keep it."
    )
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.PROJECT_SETTINGS, project=Project)
async def project_update(act: Act, input: ProjectUpdateInput) -> Returned:
    """Changes the project that the session is in."""
    project = await projects.update(act.member, now=act.now, **given(input))
    return {"project": project.id}


@strawberry.input(description="Two proofs that the project is to be deleted.")
class ProjectDeleteInput:
    password: str = required("The password of the account.")
    name: str = required("The project's name, typed exactly.")


@mutation(P.PROJECT_DELETE, own_transaction=True, restorable_until=datetime)
async def project_delete(act: Act, input: ProjectDeleteInput) -> Returned:
    """Deletes the project with all its records: nobody can enter it from now on, and in 30 days it is purged.

    All sessions in it end, the one that asks too. Until `restorableUntil` an admin takes it back with projectRestore.
    """
    async with act.unit_of_work():
        project_deletion.check_name(await project_deletion.look_up(act.member), input.name)
    attempt = await prove_password(act, input.password)
    async with act.unit_of_work():
        await sign_in.confirm(attempt, now=act.now)
        until = await project_deletion.request(act.member, name=input.name, now=act.now)
    return {"restorable_until": until}


@strawberry.input(description="A deleted project to take back.")
class ProjectRestoreInput:
    project_id: strawberry.ID = required("One of `restorableProjects`.", id_of="Project")
    password: str = required("The password of the account.")


@mutation(Level.ACCOUNT, own_transaction=True, changes_viewer=True, project=Project)
async def project_restore(act: Act, input: ProjectRestoreInput) -> Returned:
    """Takes a deleted project back before it is purged; for an admin of it. Its people sign in again."""
    project_id = given(input)["project_id"]
    async with unit_of_work() as work:
        await project_deletion.look_up_restorable(act.account, project_id, now=work.now)
    attempt = await prove_password(act, input.password)
    async with act.unit_of_work():
        await sign_in.confirm(attempt, now=act.now)
        await project_deletion.restore(act.account, project_id=project_id, now=act.now)
    act.context.viewer = _account_alone(act.account)
    return {"project": project_id}

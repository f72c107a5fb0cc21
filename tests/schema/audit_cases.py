"""One request for each mutation of the API that changes something, with the rows it needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.models import (
    Account,
    AccountTokenPurpose,
    Contact,
    Division,
    EmailPurpose,
    Employee,
    EmployeeStatus,
    Partner,
    Project,
    Reminder,
)
from app.policy import Role
from tests import factories as make
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    Client,
    anonymous,
    as_account,
    as_employee,
    make_account_with_password,
)
from tests.mailed_links import mailed_link

DUE = "2030-01-01T08:00:00Z"
CALL = {"kind": "CALL", "area": "SALES", "summary": "Volal"}


@dataclass
class Firm:
    """`admin` has a password; `rep` works in the division of the contact, which is lent to the partner."""

    project: Project
    division: Division
    admin: Employee
    rep: Employee
    partner: Partner
    contact: Contact
    reminder: Reminder

    @property
    def client(self) -> Client:
        return as_employee(self.admin)

    async def account(self) -> Account:
        return await Account.get(id=self.admin.account_id)


Asked = tuple[Client, Mapping[str, Any] | None]
Case = Callable[[Firm], Awaitable[Asked]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


async def make_firm() -> Firm:
    project = await make.make_project(name="Pekárna")
    division = await make.make_division(project)
    admin = await make.make_employee(
        project,
        [Role.ADMIN],
        account=await make_account_with_password(email_verified_at=make.NOON),
        reminder_interval_minutes=5,
    )
    rep = await make.make_employee(
        project, [Role.SALES_REP], divisions=[division], reminder_interval_minutes=5
    )
    contact = await make.make_contact(project, division=division, email="alfa@example.cz")
    reminder = await make.make_reminder(rep, contact=contact)
    await make.make_person(contact)
    await make.make_activity(contact, rep)
    await make.make_email(project, contact=contact, author=rep, text="Dobrý den")
    partner = await make.make_partner(project)
    outsider = await make.make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    await make.make_lead_share(project, partner, [contact], created_by=admin)
    await make.make_reminder(outsider, contact=contact)
    return Firm(project, division, admin, rep, partner, contact, reminder)


async def _share(firm: Firm) -> Any:
    """A share of the firm's contact that `admin` may change."""
    return await make.make_lead_share(firm.project, firm.partner, [firm.contact], created_by=firm.admin)


@case
async def accountCreate(firm: Firm) -> Asked:  # noqa: N802  A case has the mutation's name.
    return anonymous(), {"email": "nova@example.cz", "password": PASSWORD, "name": "Nová"}


@case
async def activityRecord(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"contactId": firm.contact, **CALL}


@case
async def addressVerificationRequest(firm: Firm) -> Asked:  # noqa: N802
    await Project.filter(id=firm.project.id).update(email_verified_at=None)
    return firm.client, {}


@case
async def addressVerify(firm: Firm) -> Asked:  # noqa: N802
    account = await firm.account()
    row = await make.make_account_token(
        account,
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        email=firm.project.email,
        project=firm.project,
    )
    await Project.filter(id=firm.project.id).update(email_verified_at=None)
    return anonymous(), {"token": await mailed_link(row=row)}


@case
async def contactCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"name": "Beta", "vatId": "CZ27082440", "persons": [{"name": "Jan"}]}


@case
async def contactDelete(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.contact}


@case
async def contactProposalAccept(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_proposal(firm.rep)}


@case
async def contactProposalMerge(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_proposal(firm.rep, city="Brno"), "contactId": firm.contact}


@case
async def contactProposalReject(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_proposal(firm.rep)}


@case
async def contactPropose(firm: Firm) -> Asked:  # noqa: N802
    return as_employee(firm.rep), {"name": "Gama", "note": "Zná nás"}


@case
async def contactUpdate(firm: Firm) -> Asked:  # noqa: N802
    other = await make.make_division(firm.project)
    return firm.client, {"id": firm.contact, "name": "Jinak", "divisionId": other}


@case
async def divisionArchive(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.division}


@case
async def divisionCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"name": "Velkoobchod", "email": "velko@example.cz"}


@case
async def divisionUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.division, "name": "Maloobchod", "email": "malo@example.cz"}


@case
async def emailCancel(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_email(firm.project, contact=firm.contact, author=firm.admin)}


@case
async def emailChange(firm: Firm) -> Asked:  # noqa: N802
    row = await make.make_account_token(
        await firm.account(), purpose=AccountTokenPurpose.EMAIL_CHANGE, email="jiny@example.cz"
    )
    return firm.client, {"token": await mailed_link(row=row)}


@case
async def emailChangeRequest(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"email": "jiny@example.cz", "password": PASSWORD}


@case
async def emailSend(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"contactId": firm.contact, "subject": "Nabídka", "text": "Tajný text"}


@case
async def emailVerificationRequest(firm: Firm) -> Asked:  # noqa: N802
    await Account.filter(id=firm.admin.account_id).update(email_verified_at=None)
    return firm.client, None


@case
async def emailVerify(firm: Firm) -> Asked:  # noqa: N802
    account = await firm.account()
    await Account.filter(id=account.id).update(email_verified_at=None)
    row = await make.make_account_token(
        account, purpose=AccountTokenPurpose.EMAIL_VERIFICATION, email=account.email
    )
    return anonymous(), {"token": await mailed_link(row=row)}


@case
async def employeeDeactivate(firm: Firm) -> Asked:  # noqa: N802
    await as_employee(firm.rep).sign_in()
    return firm.client, {"id": firm.rep, "reassignRemindersTo": firm.admin}


@case
async def employeeInvitationResend(firm: Firm) -> Asked:  # noqa: N802
    invited = await make.make_employee(firm.project, status=EmployeeStatus.INVITED)
    await make.make_invitation(invited)
    return firm.client, {"id": invited}


@case
async def employeeInvite(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {
        "name": "Jan",
        "email": "jan@example.cz",
        "roles": ["SALES_REP"],
        "divisionIds": [firm.division],
    }


@case
async def employeeReactivate(firm: Firm) -> Asked:  # noqa: N802
    left = await make.make_employee(firm.project, status=EmployeeStatus.DEACTIVATED)
    return firm.client, {"id": left}


@case
async def employeeUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.rep, "divisionIds": [], "divisionScope": "CHOSEN", "name": "Jinak"}


@case
async def invitationAccept(firm: Firm) -> Asked:  # noqa: N802
    invited = await make.make_employee(firm.project, status=EmployeeStatus.INVITED)
    invitation = await make.make_invitation(invited)
    await make.make_email(
        firm.project,
        recipients=[invited.email],
        purpose=EmailPurpose.INVITATION,
        template="invitation",
        template_ref=invitation.id,
    )
    return anonymous(), {"token": await mailed_link(row=invitation), "password": PASSWORD}


@case
async def leadShareAdd(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await _share(firm), "contactIds": [await make.make_contact(firm.project)]}


@case
async def leadShareCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"partnerId": firm.partner, "campaign": "Jaro", "contactIds": [firm.contact]}


@case
async def leadShareRecall(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await _share(firm)}


@case
async def leadShareRemove(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await _share(firm), "contactIds": [firm.contact]}


@case
async def leadShareUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await _share(firm), "campaign": "Léto"}


@case
async def partnerArchive(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.partner}


@case
async def partnerCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"name": "Druhé centrum"}


@case
async def partnerUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.partner, "name": "Třetí centrum"}


@case
async def passwordChange(firm: Firm) -> Asked:  # noqa: N802
    await firm.client.sign_in()
    return firm.client, {"current": PASSWORD, "new": OTHER_PASSWORD}


@case
async def passwordReset(firm: Firm) -> Asked:  # noqa: N802
    account = await firm.account()
    row = await make.make_account_token(
        account, purpose=AccountTokenPurpose.PASSWORD_RESET, email=account.email
    )
    return anonymous(), {"token": await mailed_link(row=row), "password": OTHER_PASSWORD}


@case
async def passwordResetRequest(firm: Firm) -> Asked:  # noqa: N802
    account = await firm.account()
    return anonymous(), {"email": account.email}


@case
async def personCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"contactId": firm.contact, "name": "Eva", "phone": "605123456"}


@case
async def personDelete(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_person(firm.contact)}


@case
async def personUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": await make.make_person(firm.contact), "name": "Eva"}


@case
async def projectCreate(firm: Firm) -> Asked:  # noqa: N802
    return as_account(await firm.account()), {"name": "Druhá firma", "email": "druha@example.cz"}


@case
async def projectDelete(firm: Firm) -> Asked:  # noqa: N802
    await as_employee(firm.rep).sign_in()
    return firm.client, {"password": PASSWORD, "name": firm.project.name}


@case
async def projectEnter(firm: Firm) -> Asked:  # noqa: N802
    return as_account(await firm.account()), {"projectId": firm.project}


@case
async def projectRestore(firm: Firm) -> Asked:  # noqa: N802
    later = make.FAR_AWAY
    waits = Project.filter(id=firm.project.id)
    await waits.update(deletion_requested_at=make.NOON, purge_after=later)
    return as_account(await firm.account()), {"projectId": firm.project, "password": PASSWORD}


@case
async def projectUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"name": "Jinak", "email": "jinak@example.cz"}


@case
async def reminderCreate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"title": "Zavolat", "dueAt": DUE, "contactId": firm.contact, "assigneeId": firm.rep}


@case
async def reminderDelete(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.reminder}


@case
async def reminderReassign(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.reminder, "assigneeId": firm.admin}


@case
async def reminderResolve(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.reminder}


@case
async def reminderSnooze(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.reminder, "until": {"minutes": 10}}


@case
async def reminderUpdate(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, {"id": firm.reminder, "title": "Jinak", "dueAt": DUE}


@case
async def sessionRevoke(firm: Firm) -> Asked:  # noqa: N802
    await firm.client.sign_in()
    return firm.client, {"all": True}


@case
async def signIn(firm: Firm) -> Asked:  # noqa: N802
    account = await firm.account()
    return anonymous(), {"email": account.email, "password": PASSWORD}


@case
async def signOut(firm: Firm) -> Asked:  # noqa: N802
    return firm.client, None

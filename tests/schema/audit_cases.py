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


def case(mutation: str) -> Callable[[Case], Case]:
    def register(function: Case) -> Case:
        CASES[mutation] = function
        return function

    return register


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


#: What the admin sends where nothing more is needed.
SENT: Mapping[str, Callable[[Firm], Mapping[str, Any] | None]] = {
    "activityRecord": lambda firm: {"contactId": firm.contact, **CALL},
    "contactCreate": lambda firm: {"name": "Beta", "vatId": "CZ27082440", "persons": [{"name": "Jan"}]},
    "contactDelete": lambda firm: {"id": firm.contact},
    "divisionArchive": lambda firm: {"id": firm.division},
    "divisionCreate": lambda firm: {"name": "Velkoobchod", "email": "velko@example.cz"},
    "divisionUpdate": lambda firm: {"id": firm.division, "name": "Maloobchod", "email": "malo@example.cz"},
    "emailChangeRequest": lambda firm: {"email": "jiny@example.cz", "password": PASSWORD},
    "emailSend": lambda firm: {
        "contactId": firm.contact,
        "to": ["alfa@example.cz", "Beta@example.cz"],
        "subject": "Nabídka",
        "text": "Tajný text",
    },
    "employeeInvite": lambda firm: {
        "name": "Jan",
        "email": "jan@example.cz",
        "roles": ["SALES_REP"],
        "divisionIds": [firm.division],
    },
    "employeeUpdate": lambda firm: {
        "id": firm.rep,
        "divisionIds": [],
        "divisionScope": "CHOSEN",
        "name": "Jinak",
    },
    "leadShareCreate": lambda firm: {
        "partnerId": firm.partner,
        "campaign": "Jaro",
        "contactIds": [firm.contact],
    },
    "partnerArchive": lambda firm: {"id": firm.partner},
    "partnerCreate": lambda firm: {"name": "Druhé centrum"},
    "partnerUpdate": lambda firm: {"id": firm.partner, "name": "Třetí centrum"},
    "personCreate": lambda firm: {"contactId": firm.contact, "name": "Eva", "phone": "605123456"},
    "projectUpdate": lambda firm: {"name": "Jinak", "email": "jinak@example.cz"},
    "viewerUpdate": lambda firm: {"reminderIntervalMinutes": 7},
    "reminderCreate": lambda firm: {
        "title": "Zavolat",
        "dueAt": DUE,
        "contactId": firm.contact,
        "assigneeId": firm.rep,
    },
    "reminderDelete": lambda firm: {"id": firm.reminder},
    "reminderReassign": lambda firm: {"id": firm.reminder, "assigneeId": firm.admin},
    "reminderResolve": lambda firm: {"id": firm.reminder},
    "reminderSnooze": lambda firm: {"id": firm.reminder, "until": {"minutes": 10}},
    "reminderUpdate": lambda firm: {"id": firm.reminder, "title": "Jinak", "dueAt": DUE},
    "signOut": lambda firm: None,
}


def _as_admin(sent: Callable[[Firm], Mapping[str, Any] | None]) -> Case:
    async def asked(firm: Firm) -> Asked:
        return firm.client, sent(firm)

    return asked


CASES.update({mutation: _as_admin(sent) for mutation, sent in SENT.items()})


@case("accountCreate")
async def account_create(firm: Firm) -> Asked:
    return anonymous(), {"email": "nova@example.cz", "password": PASSWORD, "name": "Nová"}


@case("addressVerificationRequest")
async def address_verification_request(firm: Firm) -> Asked:
    await Project.filter(id=firm.project.id).update(email_verified_at=None)
    return firm.client, {}


@case("addressVerify")
async def address_verify(firm: Firm) -> Asked:
    account = await firm.account()
    row = await make.make_account_token(
        account,
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        email=firm.project.email,
        project=firm.project,
    )
    await Project.filter(id=firm.project.id).update(email_verified_at=None)
    return anonymous(), {"token": await mailed_link(row=row)}


@case("contactProposalAccept")
async def contact_proposal_accept(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_proposal(firm.rep)}


@case("contactProposalMerge")
async def contact_proposal_merge(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_proposal(firm.rep, city="Brno"), "contactId": firm.contact}


@case("contactProposalReject")
async def contact_proposal_reject(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_proposal(firm.rep)}


@case("contactPropose")
async def contact_propose(firm: Firm) -> Asked:
    return as_employee(firm.rep), {"name": "Gama", "note": "Zná nás"}


@case("contactUpdate")
async def contact_update(firm: Firm) -> Asked:
    other = await make.make_division(firm.project)
    return firm.client, {"id": firm.contact, "name": "Jinak", "divisionId": other}


@case("emailCancel")
async def email_cancel(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_email(firm.project, contact=firm.contact, author=firm.admin)}


@case("emailChange")
async def email_change(firm: Firm) -> Asked:
    row = await make.make_account_token(
        await firm.account(), purpose=AccountTokenPurpose.EMAIL_CHANGE, email="jiny@example.cz"
    )
    return firm.client, {"token": await mailed_link(row=row)}


@case("emailVerificationRequest")
async def email_verification_request(firm: Firm) -> Asked:
    await Account.filter(id=firm.admin.account_id).update(email_verified_at=None)
    return firm.client, None


@case("emailVerify")
async def email_verify(firm: Firm) -> Asked:
    account = await firm.account()
    await Account.filter(id=account.id).update(email_verified_at=None)
    row = await make.make_account_token(
        account, purpose=AccountTokenPurpose.EMAIL_VERIFICATION, email=account.email
    )
    return anonymous(), {"token": await mailed_link(row=row)}


@case("employeeDeactivate")
async def employee_deactivate(firm: Firm) -> Asked:
    await as_employee(firm.rep).sign_in()
    return firm.client, {"id": firm.rep, "reassignRemindersTo": firm.admin}


@case("employeeInvitationResend")
async def employee_invitation_resend(firm: Firm) -> Asked:
    invited = await make.make_employee(firm.project, status=EmployeeStatus.INVITED)
    await make.make_invitation(invited)
    return firm.client, {"id": invited}


@case("employeeReactivate")
async def employee_reactivate(firm: Firm) -> Asked:
    left = await make.make_employee(firm.project, status=EmployeeStatus.DEACTIVATED)
    return firm.client, {"id": left}


@case("invitationAccept")
async def invitation_accept(firm: Firm) -> Asked:
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


@case("leadShareAdd")
async def lead_share_add(firm: Firm) -> Asked:
    return firm.client, {"id": await _share(firm), "contactIds": [await make.make_contact(firm.project)]}


@case("leadShareRecall")
async def lead_share_recall(firm: Firm) -> Asked:
    return firm.client, {"id": await _share(firm)}


@case("leadShareRemove")
async def lead_share_remove(firm: Firm) -> Asked:
    return firm.client, {"id": await _share(firm), "contactIds": [firm.contact]}


@case("leadShareUpdate")
async def lead_share_update(firm: Firm) -> Asked:
    return firm.client, {"id": await _share(firm), "campaign": "Léto"}


@case("passwordChange")
async def password_change(firm: Firm) -> Asked:
    await firm.client.sign_in()
    return firm.client, {"current": PASSWORD, "new": OTHER_PASSWORD}


@case("passwordReset")
async def password_reset(firm: Firm) -> Asked:
    account = await firm.account()
    row = await make.make_account_token(
        account, purpose=AccountTokenPurpose.PASSWORD_RESET, email=account.email
    )
    return anonymous(), {"token": await mailed_link(row=row), "password": OTHER_PASSWORD}


@case("passwordResetRequest")
async def password_reset_request(firm: Firm) -> Asked:
    account = await firm.account()
    return anonymous(), {"email": account.email}


@case("personDelete")
async def person_delete(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_person(firm.contact)}


@case("personUpdate")
async def person_update(firm: Firm) -> Asked:
    return firm.client, {"id": await make.make_person(firm.contact), "name": "Eva"}


@case("projectCreate")
async def project_create(firm: Firm) -> Asked:
    return as_account(await firm.account()), {"name": "Druhá firma", "email": "druha@example.cz"}


@case("projectDelete")
async def project_delete(firm: Firm) -> Asked:
    await as_employee(firm.rep).sign_in()
    return firm.client, {"password": PASSWORD, "name": firm.project.name}


@case("projectEnter")
async def project_enter(firm: Firm) -> Asked:
    return as_account(await firm.account()), {"projectId": firm.project}


@case("projectRestore")
async def project_restore(firm: Firm) -> Asked:
    later = make.FAR_AWAY
    waits = Project.filter(id=firm.project.id)
    await waits.update(deletion_requested_at=make.NOON, purge_after=later)
    return as_account(await firm.account()), {"projectId": firm.project, "password": PASSWORD}


@case("sessionRevoke")
async def session_revoke(firm: Firm) -> Asked:
    await firm.client.sign_in()
    return firm.client, {"all": True}


@case("signIn")
async def sign_in(firm: Firm) -> Asked:
    account = await firm.account()
    return anonymous(), {"email": account.email, "password": PASSWORD}

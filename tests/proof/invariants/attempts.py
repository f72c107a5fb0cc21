"""What a director tries who wants the project gone: each a way, its steps, and how it must end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.proof.invariants.people import FIRM
from tests.proof.invariants.steps import Step
from tests.proof.invariants.words import Mailed, Password, ProjectName, RowOf

PUPPET = "loutka@mallory.example.cz"


@dataclass(frozen=True)
class Try:
    """A step, and the codes it must be refused with; none if it succeeds, and helps him nothing."""

    step: Step
    refused: Sequence[str] = ()


def employee(name: str) -> RowOf:
    return RowOf("Employee", named=name)


def dita(mutation: str, *refused: str, **variables: object) -> Try:
    return Try(Step("dita", mutation, variables), refused)


def deletes(who: str, *refused: str, name: object = ProjectName()) -> Try:
    """The last step of each way."""
    return Try(Step(who, "projectDelete", {"password": Password(), "name": name}), refused or ("FORBIDDEN",))


def _with_a_puppet(*then: Try) -> list[Try]:
    """Somebody whose mailbox is the director's in all but name."""
    invite = {"name": "loutka", "email": PUPPET, "roles": ["DIRECTOR"], "canDeleteContacts": True}
    accept = {"token": Mailed("INVITATION"), "password": Password("new")}
    return [
        dita("employeeInvite", **invite),
        Try(Step("mallory", "invitationAccept", accept)),
        *then,
        deletes("mallory"),
    ]


MADE_ADMIN = dita("employeeUpdate", "FORBIDDEN", id=employee("dita"), roles=["DIRECTOR", "ADMIN"])

WAYS: Mapping[str, Sequence[Try]] = {
    "deletes it himself": [deletes("dita")],
    "invites an admin": [
        dita("employeeInvite", "FORBIDDEN", name="loutka", email=PUPPET, roles=["ADMIN"]),
        dita(
            "employeeInvite",
            "FORBIDDEN",
            name="loutka",
            email=PUPPET,
            roles=["ADMIN", "EXTERNAL_TELEPHONIST"],
            partnerId=RowOf("Partner"),
        ),
    ],
    "makes himself an admin": [MADE_ADMIN, deletes("dita")],
    "makes a colleague an admin": [
        dita("employeeUpdate", "FORBIDDEN", id=employee("rudolf"), roles=["ADMIN"]),
        dita("employeeUpdate", "FORBIDDEN", id=employee("ester"), roles=["ADMIN"]),
        dita("employeeUpdate", "FORBIDDEN", id=employee("lea"), roles=["ADMIN"]),
        deletes("rudolf"),
    ],
    "has a puppet make him one": _with_a_puppet(
        Try(
            Step("mallory", "employeeUpdate", {"id": employee("dita"), "roles": ["DIRECTOR", "ADMIN"]}),
            ["FORBIDDEN"],
        ),
        Try(Step("mallory", "employeeUpdate", {"id": employee("loutka"), "roles": ["ADMIN"]}), ["FORBIDDEN"]),
        deletes("dita"),
    ),
    "becomes what the admin was, by his address": [
        dita("emailChangeRequest", email="anna@anna.example.cz", password=Password()),
        dita("emailChange", "EXPIRED", token=Mailed("EMAIL_CHANGE", used=True)),
        deletes("dita"),
    ],
    "has the admin's password reset": [
        dita("passwordResetRequest", email="anna@anna.example.cz"),
        dita("passwordReset", "EXPIRED", token=Mailed("PASSWORD_RESET", used=True), password=Password("new")),
        dita("signIn", "WRONG_CREDENTIALS", email="anna@anna.example.cz", password=Password()),
    ],
    "resets his own and means the admin's": [
        dita("passwordReset", token=Mailed("PASSWORD_RESET"), password=Password("new")),
        dita("signIn", "WRONG_CREDENTIALS", email="anna@anna.example.cz", password=Password("wrong")),
        deletes("dita"),
    ],
    "takes over the invitation of an admin": [
        dita("employeeInvitationResend", "FORBIDDEN", id=employee("ivan")),
        dita("employeeUpdate", "FORBIDDEN", id=employee("ivan"), name="dita"),
        dita("employeeDeactivate", "FORBIDDEN", id=employee("ivan")),
        dita("employeeInvite", "TAKEN", name="ivan", email="ivan@ivan.example.cz", roles=["DIRECTOR"]),
        dita("emailChangeRequest", email="ivan@ivan.example.cz", password=Password()),
        dita("invitationAccept", "EXPIRED", token=Mailed("INVITATION"), password=Password()),
        deletes("dita"),
    ],
    "signs up under the invited admin's address before him": [
        Try(
            Step(
                "mallory",
                "accountCreate",
                {"email": "ivan@ivan.example.cz", "password": Password("new"), "name": "ivan"},
            )
        ),
        Try(Step("ivan", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})),
        Try(Step("mallory", "projectEnter", {"projectId": RowOf("Project")}, "old"), ["UNAUTHENTICATED"]),
        Try(
            Step("mallory", "signIn", {"email": "ivan@ivan.example.cz", "password": Password()}, "none"),
            ["WRONG_CREDENTIALS"],
        ),
    ],
    "takes a former admin back": [
        dita("employeeReactivate", "FORBIDDEN", id=employee("zdenek")),
        dita("employeeUpdate", "FORBIDDEN", id=employee("zdenek"), roles=["DIRECTOR"]),
        Try(Step("zdenek", "projectEnter", {"projectId": RowOf("Project")}), ["NOT_FOUND"]),
    ],
    "deletes it from a project of his own": [
        dita("projectCreate", name="Dceřiná"),
        deletes("dita", "INVALID", name=FIRM),
        Try(Step("dita", "projectDelete", {"password": Password(), "name": "Dceřiná"})),
    ],
    "deletes it as the admin of its neighbour": [
        Try(
            Step(
                "cyril",
                "signIn",
                {
                    "email": "cyril@cyril.example.cz",
                    "password": Password(),
                    "projectId": RowOf("Project", where="there"),
                },
                "none",
            )
        ),
        deletes("cyril", "INVALID", name=FIRM),
        Try(
            Step("cyril", "projectRestore", {"projectId": RowOf("Project"), "password": Password()}),
            ["NOT_FOUND"],
        ),
        Try(Step("cyril", "projectEnter", {"projectId": RowOf("Project")})),
        deletes("cyril"),
        Try(Step("cyril", "employeeUpdate", {"id": employee("cyril"), "roles": ["ADMIN"]}), ["FORBIDDEN"]),
    ],
    "empties it of its contacts": [
        dita("projectUpdate", "FORBIDDEN", dailyDeleteLimit=1_000),
        dita("projectUpdate", "FORBIDDEN", dailyDeleteLimit=None),
        *[dita("contactDelete", id=RowOf("Contact", 2)) for _ in range(3)],
        dita("contactDelete", "RATE_LIMITED", id=RowOf("Contact", 2)),
    ],
    "empties it after another sign-in": [
        *[dita("contactDelete", id=RowOf("Contact", 2)) for _ in range(3)],
        Try(Step("dita", "signOut")),
        dita("contactDelete", "RATE_LIMITED", id=RowOf("Contact", 2)),
        dita("employeeUpdate", "FORBIDDEN", id=employee("dita"), canDeleteContacts=False),
    ],
    "moves the admins to a partner": [
        dita("employeeUpdate", "FORBIDDEN", id=employee("anna"), partnerId=RowOf("Partner")),
        dita("employeeUpdate", "FORBIDDEN", id=employee("adam"), partnerId=RowOf("Partner", -1)),
    ],
    "gets rid of the admins": [
        dita("employeeDeactivate", "FORBIDDEN", id=employee("anna"), reassignRemindersTo=employee("dita")),
        dita("employeeDeactivate", "FORBIDDEN", id=employee("adam")),
        dita("employeeUpdate", "FORBIDDEN", id=employee("anna"), roles=["DIRECTOR"]),
        dita("employeeUpdate", "FORBIDDEN", id=employee("adam"), divisionScope="CHOSEN", divisionIds=[]),
        dita("employeeUpdate", "FORBIDDEN", id=employee("anna"), canSendBulkEmail=True),
        dita("sessionRevoke", "NOT_FOUND", id=RowOf("Session", 0, "there")),
    ],
    "reads the firm's mail under an address of his": [
        dita("projectUpdate", email="dita@dita.example.cz"),
        dita("divisionUpdate", id=RowOf("Division"), email="jinak@dita.example.cz"),
        dita("addressVerify", token=Mailed("ADDRESS_VERIFICATION")),
        dita("passwordResetRequest", email="anna@anna.example.cz"),
        dita("passwordReset", "EXPIRED", token=Mailed("PASSWORD_RESET", used=True), password=Password("new")),
        dita("addressVerify", "EXPIRED", token=Mailed("ADDRESS_VERIFICATION", used=True)),
        deletes("dita"),
    ],
    "uses one kind of link for another": [
        dita("emailChangeRequest", email="jinak@dita.example.cz", password=Password()),
        dita("passwordReset", "EXPIRED", token=Mailed("EMAIL_CHANGE"), password=Password("new")),
        dita("invitationAccept", "EXPIRED", token=Mailed("EMAIL_CHANGE"), password=Password()),
        dita("emailVerify", "EXPIRED", token=Mailed("EMAIL_CHANGE")),
        dita("addressVerify", "EXPIRED", token=Mailed("EMAIL_CHANGE")),
    ],
    "writes to a contact that is himself": [
        dita("contactCreate", name="Já", email="dita@dita.example.cz"),
        dita(
            "emailSend",
            contactId=RowOf("Contact", -1),
            subject="Odkaz",
            text="https://crm.example.com/#token=",
        ),
        deletes("dita"),
    ],
    "joins once more, as an admin's namesake": [
        dita("employeeInvite", name="anna", email="jinak@dita.example.cz", roles=["DIRECTOR"]),
        dita("invitationAccept", token=Mailed("INVITATION"), password=Password("new")),
        deletes("dita"),
        dita("employeeUpdate", "FORBIDDEN", id=RowOf("Employee", -1), roles=["ADMIN"]),
    ],
}

"""What somebody does before what he wants to do: signs in, joins, asks for the mail whose link he needs."""

from app.security import token_hash
from tests.proof.invariants.people import Firm, Human
from tests.proof.invariants.picture import Picture, Row
from tests.proof.invariants.steps import Step, needs_nobody
from tests.proof.invariants.words import Mailed, Password, RowOf


def before(step: Step, human: Human, picture: Picture, firm: Firm) -> Step | None:
    """The step that must come first, if any. What is tried without a session of one's own is tried as it is."""
    if step.session != "present":
        return None
    wanted = step.variables.get("token")
    if (
        isinstance(wanted, Mailed)
        and not wanted.used
        and not human.letters(wanted.purpose)
        and human.passwords
    ):
        return _asks_for_mail(wanted.purpose, human, picture, firm)
    if needs_nobody(step.mutation) or step.mutation == "signOut":
        return None
    return _comes_in(step, human, picture, firm)


def session_of(picture: Picture, token: str | None) -> Row | None:
    """The session behind a token, unless it was ended."""
    if token is None:
        return None
    hashed = token_hash(token)
    found = (each for each in picture["sessions"].values() if each["token_hash"] == hashed)
    return next((each for each in found if each["revoked_at"] is None), None)


def waits_for_deletion(picture: Picture, firm: Firm) -> bool:
    project = picture["projects"].get(firm.project_id)
    return project is not None and project["deletion_requested_at"] is not None


def _asks_for_mail(purpose: str, human: Human, picture: Picture, firm: Firm) -> Step | None:
    requests = {
        "PASSWORD_RESET": Step(human.name, "passwordResetRequest", {"email": _email(human, picture)}),
        "EMAIL_CHANGE": Step(
            human.name,
            "emailChangeRequest",
            {"email": _other_address(human, picture), "password": Password()},
        ),
        "EMAIL_VERIFICATION": Step(human.name, "emailVerificationRequest"),
        "ADDRESS_VERIFICATION": Step(human.name, "projectUpdate", {"email": _other_address(human, picture)}),
    }
    request = requests.get(purpose)
    if request is None or needs_nobody(request.mutation):
        return request
    return _comes_in(request, human, picture, firm) or request


def _comes_in(step: Step, human: Human, picture: Picture, firm: Firm) -> Step | None:
    if not human.passwords:
        return _joins(human)
    if session_of(picture, human.token) is not None:
        return _takes_back(step, picture, firm)
    entered = {"projectId": RowOf("Project")} if _works_here(human, picture, firm) else {}
    sent = {"email": _email(human, picture), "password": Password(), **entered}
    return Step(human.name, "signIn", sent, "none")


def _joins(human: Human) -> Step:
    if human.letters("INVITATION"):
        sent = {"token": Mailed("INVITATION"), "password": Password("new")}
        return Step(human.name, "invitationAccept", sent)
    new = {"email": human.addresses[0], "password": Password("new"), "name": human.name}
    return Step(human.name, "accountCreate", new)


def _takes_back(step: Step, picture: Picture, firm: Firm) -> Step | None:
    """An admin who finds his firm deleted restores it, so that there is something to do."""
    if step.who != "anna" or step.mutation == "projectRestore" or not waits_for_deletion(picture, firm):
        return None
    return Step("anna", "projectRestore", {"projectId": RowOf("Project"), "password": Password()})


def _works_here(human: Human, picture: Picture, firm: Firm) -> bool:
    account_id = next(reversed(human.passwords))
    places = (each for each in picture["employees"].values() if each["account_id"] == account_id)
    at_work = any(each["project_id"] == firm.project_id and each["status"] == "ACTIVE" for each in places)
    return at_work and not waits_for_deletion(picture, firm)


def _email(human: Human, picture: Picture) -> str:
    """Of the account whose password he chose last."""
    account = picture["accounts"].get(next(reversed(human.passwords), ""))
    return str(account["email"]) if account else human.addresses[0]


def _other_address(human: Human, picture: Picture) -> str:
    present = _email(human, picture)
    return next(each for each in human.addresses if each != present)

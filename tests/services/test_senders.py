"""Who a mail comes from: the whole table, without a database."""

from uuid import UUID

import pytest

from app.ids import uuid7
from app.models import Division, EmailVia, Employee, Mailbox, MailboxLevel, Project
from app.services.senders import Sender, installation, resolve
from tests.factories import NOON

FROM = "divize@example.com"
RELAY, MAILBOX, INSTALLATION = EmailVia.RELAY, EmailVia.MAILBOX, EmailVia.INSTALLATION

PROJECT = Project(id=uuid7(), name="Firma", email="info@firma.cz", email_verified_at=NOON)
B2B = Division(id=uuid7(), name="B2B", email="b2b@firma.cz", email_verified_at=NOON)
BARE = Division(id=uuid7(), name="B2C", email=None)
JANA = Employee(id=uuid7(), name="Jana Nová", email="jana@firma.cz")


def mailbox(
    level: MailboxLevel,
    *,
    division_id: UUID | None = None,
    employee_id: UUID | None = None,
    address: str | None = None,
    is_verified: bool = True,
) -> Mailbox:
    address = address or f"{level.lower()}@schranka.cz"
    verified_at = NOON if is_verified else None
    made = Mailbox(id=uuid7(), level=level, address=address, display_name="Schránka", verified_at=verified_at)
    # Set afterwards: a model that is not connected to a database has no links yet.
    made.division_id, made.employee_id = division_id, employee_id
    return made


OF_PROJECT = mailbox(MailboxLevel.PROJECT)
OF_B2B = mailbox(MailboxLevel.DIVISION, division_id=B2B.id)
OF_JANA = mailbox(MailboxLevel.EMPLOYEE, employee_id=JANA.id)
ALL = (OF_PROJECT, OF_B2B, OF_JANA)


@pytest.mark.parametrize(
    ("division", "mailboxes", "employee", "address"),
    [
        (B2B, ALL, JANA, "employee@schranka.cz"),
        (B2B, ALL, None, "division@schranka.cz"),
        (B2B, (OF_PROJECT, OF_B2B), JANA, "division@schranka.cz"),
        (B2B, (OF_PROJECT,), None, "project@schranka.cz"),
        (BARE, ALL, None, "project@schranka.cz"),
        (None, ALL, None, "project@schranka.cz"),
        (None, (OF_B2B, OF_JANA), None, "info@firma.cz"),
        (B2B, (), None, "b2b@firma.cz"),
        (BARE, (), None, "info@firma.cz"),
        (None, (), None, "info@firma.cz"),
    ],
)
def test_the_nearest_mailbox_sends_and_without_one_the_nearest_address(
    division: Division | None, mailboxes: tuple[Mailbox, ...], employee: Employee | None, address: str
) -> None:
    sender = resolve(PROJECT, division, mailboxes, employee=employee, smtp_from=FROM)

    assert sender is not None and sender.address == address
    assert sender.via is (MAILBOX if mailboxes and "schranka" in address else RELAY)
    assert (sender.mailbox_id is not None) == (sender.via is MAILBOX)


def test_a_mailbox_that_was_not_verified_does_not_count() -> None:
    unverified = mailbox(MailboxLevel.PROJECT, is_verified=False)

    assert resolve(PROJECT, None, [unverified], smtp_from=FROM) == Sender(
        "info@firma.cz", "Firma", None, RELAY
    )


def test_a_mail_carries_the_name_of_whose_address_it_is() -> None:
    assert resolve(PROJECT, B2B, smtp_from=FROM) == Sender("b2b@firma.cz", "B2B", None, RELAY)
    assert resolve(PROJECT, BARE, smtp_from=FROM) == Sender("info@firma.cz", "Firma", None, RELAY)


def test_an_address_that_nobody_proved_is_only_answered_to() -> None:
    project = Project(id=uuid7(), name="Firma", email="info@firma.cz", email_verified_at=None)

    assert resolve(project, None, smtp_from=FROM) == Sender(FROM, "Firma", "info@firma.cz", INSTALLATION)


def test_an_installation_that_trusts_addresses_needs_no_proof() -> None:
    project = Project(id=uuid7(), name="Firma", email="info@firma.cz", email_verified_at=None)

    sender = resolve(project, None, smtp_from=FROM, trusts_addresses=True)

    assert sender == Sender("info@firma.cz", "Firma", None, RELAY)


def test_an_unproved_address_of_a_division_does_not_borrow_the_projects() -> None:
    division = Division(id=uuid7(), name="B2C", email="b2c@firma.cz", email_verified_at=None)

    assert resolve(PROJECT, division, smtp_from=FROM) == Sender(FROM, "B2C", "b2c@firma.cz", INSTALLATION)


def test_personal_mail_carries_the_employees_name_and_is_answered_to_him() -> None:
    assert resolve(PROJECT, None, employee=JANA, smtp_from=FROM) == Sender(
        "info@firma.cz", "Jana Nová", "jana@firma.cz", RELAY
    )
    unproved = Project(id=uuid7(), name="Firma", email="info@firma.cz", email_verified_at=None)
    assert resolve(unproved, None, employee=JANA, smtp_from=FROM) == Sender(
        FROM, "Jana Nová", "jana@firma.cz", INSTALLATION
    )


def test_an_answer_address_that_is_the_senders_is_not_repeated() -> None:
    own = mailbox(MailboxLevel.EMPLOYEE, employee_id=JANA.id, address="jana@firma.cz")

    sender = resolve(PROJECT, None, [own], employee=JANA, smtp_from=FROM)

    assert sender == Sender("jana@firma.cz", "Jana Nová", None, MAILBOX, own.id)


@pytest.mark.parametrize("name", ["boss@firma.cz", "boss＠firma.cz", "boss﹫firma.cz"])
def test_a_name_never_poses_as_an_address(name: str) -> None:
    project = Project(id=uuid7(), name=name, email="info@firma.cz", email_verified_at=NOON)

    sender = resolve(project, None, smtp_from=FROM)

    assert sender is not None and sender.display_name == "boss firma.cz"


def test_without_any_address_there_is_no_sender() -> None:
    project = Project(id=uuid7(), name="Firma", email=None)

    assert resolve(project, BARE, [OF_B2B, OF_JANA], smtp_from=FROM) is None


def test_mail_of_accounts_comes_from_the_installation() -> None:
    assert installation(FROM) == Sender(FROM, "Divize", None, INSTALLATION)

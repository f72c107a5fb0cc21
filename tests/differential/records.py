"""What the people of the world work with: contacts and all that hangs on them, and what is lent to partners."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.models import (
    Activity,
    ActivityKind,
    Area,
    AuditEntry,
    Contact,
    ContactProposal,
    ContactStatus,
    Division,
    Email,
    EmailPurpose,
    EmailRecipient,
    EmailState,
    EmailVia,
    Employee,
    LeadShare,
    LeadShareContact,
    Partner,
    Person,
    Project,
    ProposalDecision,
    RecipientState,
    Reminder,
    ReminderKind,
    ReminderState,
)
from app.text import fold
from tests.differential.words import NAMES, TEXTS, WORDS
from tests.factories import FAR_AWAY, LONG_AGO, NOON

if TYPE_CHECKING:
    from tests.differential.world import World

CONTACTS, PERSONS, ACTIVITIES, REMINDERS, EMAILS = 90, 130, 320, 150, 90
PROPOSALS, ENTRIES = 60, 90
RECENTLY = LONG_AGO + timedelta(days=30)


def add_records(world: "World", project: Project, share: float) -> None:
    """What people work with; `share` is how much of the full numbers."""
    contacts = list(_contacts(world, project, int(CONTACTS * share)))
    _shares(world, project, contacts)
    employees = [row for row in world.of(Employee, project) if row.account_id is not None]
    busy = contacts[: len(contacts) * 2 // 3]  # the others have nothing below them
    for _ in range(int(PERSONS * share)):
        _person(world, world.one(busy))
    for _ in range(int(ACTIVITIES * share)):
        _activity(world, world.one(busy), world.one(employees))
    for _ in range(int(REMINDERS * share)):
        _reminder(world, project, busy, employees)
    for _ in range(int(EMAILS * share)):
        _email(world, project, busy, employees)
    for _ in range(int(PROPOSALS * share)):
        _proposal(world, project, contacts, employees)
    for _ in range(int(ENTRIES * share)):
        _audit_entry(world, project, contacts, employees)


def _contacts(world: "World", project: Project, many: int) -> Iterator[Contact]:
    divisions, employees = world.of(Division, project), world.of(Employee, project)
    for _ in range(many):
        name, email = world.one(NAMES), world.sparse(["jan@example.cz", "eva+x@example.cz", "o'k@example.cz"])
        address = world.address()
        division, owner, creator = world.sparse(divisions), world.sparse(employees), world.sparse(employees)
        yield world.add(
            Contact,
            project_id=project.id,
            division_id=division.id if division else None,
            owner_id=owner.id if owner else None,
            created_by_id=creator.id if creator else None,
            **world.named(name),
            **address,
            search_text=fold(" ".join(filter(None, (name, email, address["city"])))),
            ico=world.sparse(["27082440", "00006947", "25596641"]),
            registration_number=world.sparse(["HRB 86891", "KRS 0000028860"]),
            registration_country=world.sparse(["DE", "PL"]),
            vat_id=world.sparse(["CZ27082440", "CZ00006947"]),
            tax_number=world.sparse(["2020317068"]),
            email=email,
            phone=world.sparse(["+420605123456", "+420777000111"]),
            web=world.sparse(["https://example.cz/?a=1&b=„2“"]),
            status=world.one(list(ContactStatus)),
            bank_account=world.sparse(["19-2000145399/0800"]),
            credit_limit_minor=world.sparse([0, 5, 123_450, 9_007_199_254_740_993]),
            price_level=world.sparse(["A", "B", 'C"']),
            internal_rating=world.sparse([1, 3, 5]),
            version=world.chance.randrange(1, 4),
            created_at=world.moment(),
            updated_at=world.moment(),
        )


def _shares(world: "World", project: Project, contacts: Sequence[Contact]) -> None:
    """Present, past, future and recalled loans of contacts to the partners; the third has past ones alone."""
    present, also_present, past = world.of(Partner, project)
    director = world.of(Employee, project)[0]
    kinds: list[tuple[Partner, dict[str, Any]]] = [
        (present, {"valid_from": LONG_AGO}),
        (present, {"valid_from": LONG_AGO, "valid_until": FAR_AWAY}),
        (also_present, {"valid_from": LONG_AGO}),
        (present, {"valid_from": LONG_AGO, "valid_until": RECENTLY}),
        (present, {"valid_from": FAR_AWAY}),
        (past, {"valid_from": LONG_AGO, "valid_until": RECENTLY}),
        (past, {"valid_from": LONG_AGO, "recalled_at": RECENTLY}),
    ]
    for number, (partner, validity) in enumerate(kinds):
        share = world.add(
            LeadShare,
            project_id=project.id,
            partner_id=partner.id,
            campaign=f"Kampaň {number}",
            created_by_id=director.id,
            created_at=NOON,
            **validity,
        )
        for contact in world.chance.sample(contacts, len(contacts) // 3):
            world.add(LeadShareContact, project_id=project.id, share_id=share.id, contact_id=contact.id)


def _person(world: "World", contact: Contact) -> None:
    name, email = world.one(NAMES), world.sparse(["pan@example.cz", "pani@example.cz"])
    world.add(
        Person,
        project_id=contact.project_id,
        contact_id=contact.id,
        **world.named(name),
        search_text=fold(" ".join(filter(None, (name, email)))),
        position=world.sparse(["jednatelka", 'mistr „odborník“ \\ "šéf"']),
        email=email,
        phone=world.sparse(["+420605123456"]),
        created_at=world.moment(),
        updated_at=world.moment(),
    )


def _activity(world: "World", contact: Contact, author: Employee) -> None:
    world.add(
        Activity,
        project_id=contact.project_id,
        contact_id=contact.id,
        author_id=author.id,
        kind=world.one(list(ActivityKind)),
        area=world.one(list(Area)),
        summary=world.one(WORDS),
        detail=world.sparse(TEXTS),
        occurred_at=world.moment(),
        created_at=world.moment(),
    )


def _reminder(
    world: "World", project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
) -> None:
    assignee, contact = world.sparse(employees), world.sparse(contacts)
    due_at, snoozed_until, resolved_at = (
        world.moment(),
        world.sparse([world.moment()]),
        world.sparse([world.moment()]),
    )
    resolver = world.sparse(employees) if resolved_at else None
    world.add(
        Reminder,
        project_id=project.id,
        assignee_id=assignee.id if assignee else None,
        contact_id=contact.id if contact else None,
        created_by_id=world.one(employees).id,
        kind=world.one(list(ReminderKind)),
        title=world.one(WORDS),
        note=world.sparse(TEXTS),
        due_at=due_at,
        snoozed_until=snoozed_until,
        alert_at=snoozed_until or due_at,
        state=ReminderState.RESOLVED if resolved_at else ReminderState.OPEN,
        resolved_at=resolved_at,
        resolved_by_id=resolver.id if resolver else None,
        created_at=world.moment(),
        updated_at=world.moment(),
    )


def _email(
    world: "World", project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
) -> None:
    """To a contact, or to one that is gone; some are the system's own, which nobody reads."""
    contact, author, state = world.sparse(contacts), world.sparse(employees), world.one(list(EmailState))
    system = world.chance.random() < 0.1
    email = world.add(
        Email,
        project_id=project.id,
        contact_id=contact.id if contact else None,
        author_id=author.id if author else None,
        area=world.sparse(list(Area)),
        purpose=EmailPurpose.INVITATION
        if system
        else world.one([EmailPurpose.BUSINESS, EmailPurpose.PERSONAL]),
        message_id=f"<{len(world.of(Email))}@example.cz>",
        from_address="firma@example.cz",
        from_name=world.one(NAMES),
        reply_to=world.sparse(["zpet@example.cz"]),
        via=world.one([EmailVia.RELAY, EmailVia.INSTALLATION]),
        subject=world.one(WORDS),
        text=world.sparse(TEXTS),
        html=world.sparse(["<p>Dobrý den, <b>\"</b> &amp; 'x'</p>\n"]),
        state=state,
        next_attempt_at=NOON if state in (EmailState.QUEUED, EmailState.DEFERRED) else None,
        lease_until=NOON if state is EmailState.SENDING else None,
        sent_at=world.sparse([world.moment()]),
        uncertain_attempts=len(world.of(Email)) % 3,
        created_at=world.moment(),
        updated_at=NOON,
    )
    for number in range(world.chance.randrange(4)):
        world.add(
            EmailRecipient,
            project_id=project.id,
            email_id=email.id,
            address=f"prijemce{number}@example.cz",
            state=world.one(list(RecipientState)),
            response=world.sparse(["250 Ok\r\n", '550 "nikdo"']),
            attempts=number,
            uncertain_attempts=number % 2,
        )


def _proposal(
    world: "World", project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
) -> None:
    decision, at = world.sparse(list(ProposalDecision)), world.moment()
    contact = world.one(contacts) if decision not in (None, ProposalDecision.REJECTED) else None
    world.add(
        ContactProposal,
        project_id=project.id,
        proposed_by_id=world.one(employees).id,
        name=world.one(NAMES),
        ico=world.sparse(["27082440", "00006947"]),
        email=world.sparse(["jan@example.cz", "novy@example.cz"]),
        phone=world.sparse(["+420605123456"]),
        city=world.sparse(["Žďár", "Brno"]),
        note=world.sparse(TEXTS),
        decision=decision,
        decided_by_id=world.one(employees).id if decision else None,
        decided_at=at if decision else None,
        contact_id=contact.id if contact else None,
        version=2 if decision else 1,
        created_at=world.moment(),
    )


def _audit_entry(
    world: "World", project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
) -> None:
    """About a contact, one that is gone, or an employee; some done by nobody, as the worker does."""
    author, about = world.sparse(employees), world.sparse(contacts)
    gone, division = world.new_id(), world.sparse(world.of(Division, project))
    is_of_a_contact = world.chance.random() < 0.7
    subject_id = (about.id if about else gone) if is_of_a_contact else world.one(employees).id
    world.add(
        AuditEntry,
        project_id=project.id,
        account_id=author.account_id if author else None,
        employee_id=author.id if author else None,
        action=world.one(["contactUpdate", "contactDelete", "employeeUpdate"]),
        subject="Contact" if is_of_a_contact else "Employee",
        subject_id=subject_id,
        contact_id=subject_id if is_of_a_contact else None,
        division_id=division.id if is_of_a_contact and division else None,
        changes=world.one([{}, {"name": ["Old", "New"], "vat_id": [None, "CZ27082440"]}]),
        request_id=world.one(["", "r1"]),
        client_ip=world.one(["192.0.2.1", ""]),
        created_at=world.moment(),
    )

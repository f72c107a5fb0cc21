"""The world that operations are asked about: varied, full of nulls and ties, the same rows whenever it is made.

Two projects and an account that works in both, so that there is something to leak. Who asks is in `cast.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from app import models
from app.models import (
    Activity,
    ActivityKind,
    Area,
    Contact,
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
    RecipientState,
    Reminder,
    ReminderKind,
    ReminderState,
    Table,
)
from app.text import fold, sort_key
from tests.differential.cast import add_cast
from tests.differential.words import CITIES, NAMES, TEXTS, WORDS
from tests.factories import FAR_AWAY, LONG_AGO, NOON

T = TypeVar("T")
NULLS = 0.3
CONTACTS, PERSONS, ACTIVITIES, REMINDERS, EMAILS = 90, 130, 320, 150, 90
RECENTLY = LONG_AGO + timedelta(days=30)


@dataclass
class World:
    """Rows by table, in the order in which they can be written."""

    chance: Random = field(default_factory=lambda: Random(20261124))
    rows: dict[type[Table], list[Any]] = field(default_factory=dict)

    def add(self, model: type[T], **values: Any) -> T:
        row = model(id=self.new_id(), **values)
        self.rows.setdefault(model, []).append(row)  # type: ignore[arg-type]
        return row

    def of(self, model: type[T], project: Project | None = None) -> list[T]:
        found = self.rows.get(model, [])  # type: ignore[call-overload]
        return [row for row in found if project is None or row.project_id == project.id]

    def new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def sparse(self, values: Sequence[T]) -> T | None:
        """One of them, or nothing three times of ten."""
        return None if self.chance.random() < NULLS else self.chance.choice(values)

    def one(self, values: Sequence[T]) -> T:
        return self.chance.choice(values)

    def moment(self) -> datetime:
        """One of few, so that many rows share theirs; some differ in less than a millisecond."""
        return NOON + timedelta(
            hours=self.chance.randrange(5), microseconds=self.chance.choice((0, 0, 120_000, 120_001, 999_999))
        )

    def named(self, name: str) -> dict[str, str]:
        return {"name": name, "sort_key": sort_key(name)}


def make_world() -> World:
    """The rows, made anew: give them to one database. Needs a connection, for models to know their columns."""
    world = World()
    creator = add_account(world, "zakladatelka@example.cz")
    for number, share in enumerate((1.0, 0.2)):
        project = _project(world, creator, number)
        _surroundings(world, project)
        add_cast(world, project, add_account)
        _records(world, project, share)
    _waiting_project(world, creator)
    return world


async def write(world: World) -> None:
    """Puts the rows into the database this process is connected to."""
    for model, rows in world.rows.items():
        await model.bulk_create(rows, batch_size=200)


def add_account(world: World, email: str) -> models.Account:
    return world.add(
        models.Account,
        email=email,
        name=world.one(NAMES),
        email_verified_at=world.sparse([NOON]),
        created_at=NOON,
        updated_at=NOON,
    )


def _project(world: World, creator: models.Account, number: int, **values: Any) -> Project:
    return world.add(
        Project,
        **world.named(("Čisté dvory", "Firma „na druhé straně“")[number % 2]),
        **{**_base_data(world), "ico": "27082440", "city": "Žďár", "email": "firma@example.cz"},
        email_verified_at=NOON,
        created_by_id=creator.id,
        created_at=NOON,
        updated_at=world.moment(),
        **values,
    )


def _waiting_project(world: World, creator: models.Account) -> None:
    """A project that its admin may take back for a long time to come."""
    project = _project(world, creator, 1, deletion_requested_at=NOON, purge_after=FAR_AWAY)
    add_cast(world, project, add_account, only="everywhere")


def _base_data(world: World) -> dict[str, Any]:
    return {
        "ico": world.sparse(["27082440", "00006947"]),
        "vat_id": world.sparse(["CZ27082440", "CZ00006947"]),
        "legal_form": world.sparse(["s. r. o.", 'a."s.']),
        "email": world.sparse(["info@example.cz", "b2b@example.cz"]),
        **_address(world),
    }


def _address(world: World) -> dict[str, Any]:
    if world.chance.random() < NULLS:
        return dict.fromkeys(("street", "city", "postal_code", "country"))
    return {
        "street": world.sparse(["Dlouhá 1", "U \\lomu\\ 7", "č. p. 12"]),
        "city": world.sparse(CITIES),
        "postal_code": world.sparse(["60200", "59101"]),
        "country": world.sparse(["CZ", "SK"]),
    }


def _surroundings(world: World, project: Project) -> None:
    """Divisions and partners."""
    for name in ("B2B", "B2C", "Čáslav", "Chrudim", "Čáslav"):
        world.add(
            Division,
            project_id=project.id,
            **world.named(name),
            **_base_data(world),
            email_verified_at=world.sparse([NOON]),
            archived_at=NOON if name == "Chrudim" else None,
            created_at=world.moment(),
            updated_at=NOON,
        )
    for name in ("Call centrum Šíp", "Call centrum Šíp", "Volám & syn"):
        world.add(
            Partner,
            project_id=project.id,
            **world.named(name),
            archived_at=world.sparse([NOON]),
            created_at=world.moment(),
        )


def _records(world: World, project: Project, share: float) -> None:
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


def _contacts(world: World, project: Project, many: int) -> Iterator[Contact]:
    divisions, employees = world.of(Division, project), world.of(Employee, project)
    for _ in range(many):
        name, email = world.one(NAMES), world.sparse(["jan@example.cz", "eva+x@example.cz", "o'k@example.cz"])
        address = _address(world)
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
            vat_id=world.sparse(["CZ27082440", "CZ00006947"]),
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


def _shares(world: World, project: Project, contacts: Sequence[Contact]) -> None:
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


def _person(world: World, contact: Contact) -> None:
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


def _activity(world: World, contact: Contact, author: Employee) -> None:
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
    world: World, project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
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
    world: World, project: Project, contacts: Sequence[Contact], employees: Sequence[Employee]
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
        )

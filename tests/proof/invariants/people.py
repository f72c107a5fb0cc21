"""A small firm, its neighbour, and the people who do things there: what each knows and which mailboxes he reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import security
from app.models import Account, Division, Employee, EmployeeStatus, Partner, Project
from app.policy import Role
from app.security import new_token, token_hash
from tests import factories as make

R = Role
ADMINS = ("anna", "adam")
#: Who the firm's own rules make an admin some day, without anything more by an admin: his invitation is on its way.
INVITED_ADMIN = "ivan"
FIRM = "Pekárna Šťastný"
DELETE_LIMIT = 3


@dataclass(frozen=True)
class Letter:
    """A mail with a link, as its reader has it."""

    purpose: str
    token: str


@dataclass
class Human:
    """Somebody. `addresses` are mailboxes that he alone reads, the first his usual one."""

    name: str
    addresses: Sequence[str]
    ip: str
    token: str | None = None
    old_tokens: list[str] = field(default_factory=list)
    #: By account id: the password he chose last.
    passwords: dict[str, str] = field(default_factory=dict)
    mail: list[Letter] = field(default_factory=list)
    used: list[Letter] = field(default_factory=list)
    chosen: int = 0

    def new_password(self) -> str:
        """Another one each time."""
        self.chosen += 1
        return f"heslo-{self.name}-{self.chosen}"

    def letters(self, purpose: str, *, used: bool = False) -> list[Letter]:
        """Those of this purpose, the newest last."""
        return [each for each in (self.used if used else self.mail) if each.purpose == purpose]

    def use(self, purpose: str) -> None:
        """The newest link did what it was for; he keeps it, to try it again."""
        letter = self.letters(purpose)[-1]
        self.mail.remove(letter)
        self.used.append(letter)

    def enter(self, token: str) -> None:
        """He goes on with this session; the one before is kept, as an attacker would."""
        if self.token:
            self.old_tokens.append(self.token)
        self.token = token


@dataclass(frozen=True)
class Part:
    """Where somebody stands in the firm. None of `roles`: nowhere yet."""

    roles: Sequence[Role] | None = None
    divisions: Sequence[str] | None = None
    of_partner: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


MAY_DELETE = {"can_delete_contacts": True}
WINDOW = {"reminder_interval_minutes": 5}
LEFT = {"status": EmployeeStatus.DEACTIVATED}
CAST: Mapping[str, Part] = {
    "anna": Part([R.ADMIN], values=WINDOW),
    "adam": Part([R.ADMIN], divisions=["B2B"]),
    "dita": Part([R.DIRECTOR], values=MAY_DELETE),
    "dan": Part([R.DIRECTOR], divisions=["B2B"]),
    "rudolf": Part([R.SALES_REP], values={**MAY_DELETE, **WINDOW}),
    "tereza": Part([R.TELEPHONIST, R.INVOICER], divisions=["B2C"]),
    "kamila": Part([R.COMPLAINTS], divisions=["B2B", "B2C"], values=WINDOW),
    "ema": Part([R.EXTERNAL_TELEPHONIST], of_partner=True),
    "ester": Part([R.DIRECTOR, R.SALES_REP], of_partner=True, values=MAY_DELETE),
    "zdenek": Part([R.ADMIN], values=LEFT),
    "lea": Part([R.SALES_REP], values=LEFT),
    "cyril": Part([R.SERVICE_TECHNICIAN, R.DIRECTOR]),
    "iva": Part(),
    "ivan": Part(),
    "mallory": Part(),
}


@dataclass
class Firm:
    """What was there at the beginning. `humans` are those of one run: what they know changes."""

    project_id: str
    neighbour_id: str
    humans: dict[str, Human]

    def owner_of(self, address: str) -> str | None:
        """Whose mailbox it is."""
        domain = address.partition("@")[2]
        name = domain.removesuffix(".example.cz")
        return name if name in self.humans else None


def humans() -> dict[str, Human]:
    """Everybody, knowing nothing yet. Every address ends in its owner's domain."""
    return {
        name: Human(name, (f"{name}@{name}.example.cz", f"jinak@{name}.example.cz"), f"192.0.2.{number}")
        for number, name in enumerate(CAST, 1)
    }


async def found_firm() -> Firm:
    """Writes the rows. Whoever works somewhere is signed in."""
    people = humans()
    cyril = await _account(people["cyril"])
    project = await make.make_project(
        name=FIRM, daily_delete_limit=DELETE_LIMIT, email="firma@dita.example.cz"
    )
    neighbour = await make.make_project(name="Soused", created_by=cyril)
    await _fill(neighbour, await make.make_employee(neighbour, [R.ADMIN], account=cyril, email=cyril.email))
    divisions = {name: await make.make_division(project, name=name) for name in ("B2B", "B2C")}
    partner = await make.make_partner(project)
    for name, part in CAST.items():
        if part.roles is not None:
            await _employ(people[name], part, project, divisions, partner)
    await _fill_firm(project, divisions, partner)
    return Firm(str(project.id), str(neighbour.id), people)


async def _account(human: Human) -> Account:
    password, email = human.new_password(), human.addresses[0]
    found = await Account.get_or_none(email=email)
    if found is None:
        hashed = await security.hash_password(password)
        found = await make.make_account(email=email, password_hash=hashed, email_verified_at=make.NOON)
        human.passwords[str(found.id)] = password
    return found


async def _employ(
    human: Human, part: Part, project: Project, divisions: Mapping[str, Division], partner: Partner
) -> None:
    account = await _account(human)
    employee = await make.make_employee(
        project,
        part.roles or (),
        divisions=None if part.divisions is None else [divisions[each] for each in part.divisions],
        partner=partner if part.of_partner else None,
        account=account,
        email=account.email,
        name=human.name,
        **part.values,
    )
    if employee.status is EmployeeStatus.ACTIVE:
        human.token = new_token()
        await make.make_session(account, employee, token_hash=token_hash(human.token), client_ip=human.ip)


async def _fill_firm(project: Project, divisions: Mapping[str, Division], partner: Partner) -> None:
    rep = await Employee.get(project_id=project.id, name="rudolf")
    external = await Employee.get(project_id=project.id, name="ema")
    await _fill(project, rep)
    shared = await make.make_contact(project, name="Sdílený", division=divisions["B2B"], email="x@example.cz")
    for division in (*divisions.values(), None):
        for _ in range(3):
            contact = await make.make_contact(project, division=division, email="k@mallory.example.cz")
            await make.make_person(contact)
    await make.make_lead_share(project, partner, [shared], created_by=rep)
    await make.make_reminder(external, contact=shared, created_by=rep)


async def _fill(project: Project, employee: Employee) -> None:
    """A row of most kinds, so that there is something to point to."""
    contact = await make.make_contact(project, owner=employee)
    await make.make_person(contact)
    await make.make_reminder(employee, contact=contact)
    await make.make_activity(contact, employee)
    await make.make_email(project, contact=contact, author=employee, subject="Nabídka")
    partner = await make.make_partner(project)
    await make.make_lead_share(project, partner, [contact], created_by=employee)
    await make.make_division(project)
    await make.make_employee(project, [R.SALES_REP])

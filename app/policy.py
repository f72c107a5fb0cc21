"""Who may do what: roles, permissions, levels, and the viewer they are worked out for.

The table is `policy.md` beside this file; importing this module loads and checks it, so a process with a broken table
does not start. Nothing else in the code compares roles: ask a viewer `may`, `reach` or `require`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from app.errors import CodedError, Forbidden, Unauthenticated


class Role(StrEnum):
    """What an employee does here. Roles combine: an employee may what any of his roles may."""

    TELEPHONIST = "TELEPHONIST"
    EXTERNAL_TELEPHONIST = "EXTERNAL_TELEPHONIST"
    SALES_REP = "SALES_REP"
    SERVICE_TECHNICIAN = "SERVICE_TECHNICIAN"
    COMPLAINTS = "COMPLAINTS"
    INVOICER = "INVOICER"
    DIRECTOR = "DIRECTOR"
    ADMIN = "ADMIN"


class Reach(IntEnum):
    """How far a granted right goes: OWN rows (made by or assigned to the employee), or ALL within his divisions."""

    OWN = 1
    ALL = 2


class Guard(Protocol):
    """What stands before a field: a Level or a Permission."""

    @property
    def name(self) -> str: ...

    def granted_to(self, viewer: "Viewer") -> bool: ...

    def refusal(self, viewer: "Viewer") -> CodedError: ...


class Level(Enum):
    """What needs no row in the table: anybody, a signed-in account, an employee inside a project."""

    ANONYMOUS = 0
    ACCOUNT = 1
    MEMBER = 2

    def granted_to(self, viewer: "Viewer") -> bool:
        return viewer.level.value >= self.value

    def refusal(self, viewer: "Viewer") -> CodedError:
        if viewer.level is Level.ANONYMOUS:
            return Unauthenticated(viewer.why_nobody)
        return Forbidden("Enter a project first: this session has not chosen one (projectEnter).")


class Permission(Enum):
    """A row of `policy.md`."""

    PROJECT_READ = "PROJECT_READ"
    PROJECT_SETTINGS = "PROJECT_SETTINGS"
    PROJECT_DELETE = "PROJECT_DELETE"
    EMPLOYEE_READ = "EMPLOYEE_READ"
    EMPLOYEE_MANAGE = "EMPLOYEE_MANAGE"
    ADMIN_GRANT = "ADMIN_GRANT"
    CONTACT_READ = "CONTACT_READ"
    CONTACT_BILLING_READ = "CONTACT_BILLING_READ"
    CONTACT_BILLING_WRITE = "CONTACT_BILLING_WRITE"
    CONTACT_WRITE = "CONTACT_WRITE"
    CONTACT_PROPOSE = "CONTACT_PROPOSE"
    CONTACT_DELETE = "CONTACT_DELETE"
    CONTACT_IMPORT = "CONTACT_IMPORT"
    CONTACT_EXPORT = "CONTACT_EXPORT"
    ACTIVITY_SALES_READ = "ACTIVITY_SALES_READ"
    ACTIVITY_SERVICE_READ = "ACTIVITY_SERVICE_READ"
    ACTIVITY_BILLING_READ = "ACTIVITY_BILLING_READ"
    ACTIVITY_BILLING_WRITE = "ACTIVITY_BILLING_WRITE"
    ACTIVITY_SALES_WRITE = "ACTIVITY_SALES_WRITE"
    ACTIVITY_SERVICE_WRITE = "ACTIVITY_SERVICE_WRITE"
    REMINDER_OWN = "REMINDER_OWN"
    REMINDER_ASSIGN = "REMINDER_ASSIGN"
    OFFER_READ = "OFFER_READ"
    OFFER_WRITE = "OFFER_WRITE"
    ORDER_READ = "ORDER_READ"
    ORDER_WRITE = "ORDER_WRITE"
    CONTRACT_READ = "CONTRACT_READ"
    CONTRACT_WRITE = "CONTRACT_WRITE"
    INVOICE_READ = "INVOICE_READ"
    INVOICE_WRITE = "INVOICE_WRITE"
    SOLD_ITEMS_READ = "SOLD_ITEMS_READ"
    PRODUCT_READ = "PRODUCT_READ"
    PRODUCT_WRITE = "PRODUCT_WRITE"
    COMPLAINT_READ = "COMPLAINT_READ"
    COMPLAINT_CREATE = "COMPLAINT_CREATE"
    COMPLAINT_WRITE = "COMPLAINT_WRITE"
    LEAD_SHARE = "LEAD_SHARE"
    EMAIL_READ = "EMAIL_READ"
    EMAIL_SEND = "EMAIL_SEND"
    EMAIL_BULK = "EMAIL_BULK"
    EMAIL_MAILBOX_OWN = "EMAIL_MAILBOX_OWN"
    AUDIT_READ = "AUDIT_READ"
    GDPR = "GDPR"
    API_MANAGE = "API_MANAGE"

    def granted_to(self, viewer: "Viewer") -> bool:
        return viewer.reach(self) is not None

    def refusal(self, viewer: "Viewer") -> CodedError:
        if viewer.level is not Level.MEMBER:
            return Level.MEMBER.refusal(viewer)
        return Forbidden(
            self._why_not(viewer),
            requiredPermission=self.name,
            requiredRoles=[role.name for role in roles_with(self)],
        )

    def _why_not(self, viewer: "Viewer") -> str:
        if not isinstance(viewer, Member) or not viewer.roles.intersection(roles_with(self)):
            return f"None of your roles grants {self.name}."
        if viewer.is_external:
            return f"{self.name} is not for people of outside firms, whatever their roles."
        return f"Your roles grant {self.name} only with your own flag for it. Ask who manages employees here."


class Flag(Enum):
    """An employee's own switch that a `flag` cell of the table asks for."""

    CAN_DELETE_CONTACTS = Permission.CONTACT_DELETE
    CAN_SEND_BULK_EMAIL = Permission.EMAIL_BULK


Grants = Mapping[Permission, Reach]
NO_GRANTS: Grants = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever asks; on its own, somebody not signed in."""

    @property
    def level(self) -> Level:
        return Level.ANONYMOUS

    @property
    def why_nobody(self) -> str:
        """What is said where somebody is needed."""
        return "Sign in first: send the session's token as `Authorization: Bearer …`."

    @property
    def is_metered(self) -> bool:
        """Is it counted what he reads, and refused above a limit?"""
        return False

    def reach(self, permission: Permission) -> Reach | None:
        """How far `permission` reaches for this viewer; None if it is not granted."""
        return None

    def may(self, guard: Guard) -> bool:
        return guard.granted_to(self)

    def require(self, guard: Guard) -> None:
        """Raises Forbidden (or Unauthenticated) unless `guard` is granted."""
        if not guard.granted_to(self):
            raise guard.refusal(self)


@dataclass(frozen=True, slots=True)
class SignedOut(Viewer):
    """Somebody whose token is no session's, or no longer: nobody, who is told why."""

    reason: str

    @property
    def why_nobody(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class AccountViewer(Viewer):
    """A signed-in account that has not entered a project."""

    account_id: UUID
    session_id: UUID

    @property
    def level(self) -> Level:
        return Level.ACCOUNT


@dataclass(frozen=True, slots=True)
class Member(AccountViewer):
    """An employee at work in one project. `division_ids` None means all divisions."""

    employee_id: UUID
    project_id: UUID
    roles: frozenset[Role]
    grants: Grants = field(default_factory=lambda: NO_GRANTS, hash=False)
    division_ids: frozenset[UUID] | None = None
    partner_id: UUID | None = None

    @property
    def level(self) -> Level:
        return Level.MEMBER

    @property
    def is_external(self) -> bool:
        return is_external(self.roles, self.partner_id)

    @property
    def is_metered(self) -> bool:
        return self.is_external

    def reach(self, permission: Permission) -> Reach | None:
        return self.grants.get(permission)


def is_external(roles: Iterable[Role], partner_id: UUID | None) -> bool:
    """Externals are cut to the table's ceiling: by the role, or by belonging to a partner."""
    return partner_id is not None or Role.EXTERNAL_TELEPHONIST in roles


def grants_of(roles: Iterable[Role], flags: Iterable[Flag] = (), *, external: bool = False) -> Grants:
    """What roles bring together: the widest reach of each right, flags applied, then cut to the external ceiling."""
    held, switched_on = tuple(roles), {flag.value for flag in flags}
    grants: dict[Permission, Reach] = {}
    for permission, row in POLICY.items():
        reaches = [row.reach(role, permission in switched_on) for role in held]
        if external:
            reaches = [min(reach, row.ceiling) for reach in reaches]
        if widest := max(reaches, default=0):
            grants[permission] = Reach(widest)
    return MappingProxyType(grants)


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """The roles whose cell for `permission` is not empty, in the table's order."""
    return tuple(role for role, cell in POLICY[permission].cells.items() if cell != "-")


class PolicyError(ValueError):
    """The table is broken; the message names the line."""


REACH_OF_CELL = {"-": 0, "own": Reach.OWN, "all": Reach.ALL}
CEILING_COLUMN = "EXTERNAL ≤"
COLUMNS = ("What a person does", "Permission", *(role.name for role in Role), CEILING_COLUMN)


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One right: its meaning, a cell per role, and how much of it is left for externals."""

    meaning: str
    cells: Mapping[Role, str]
    ceiling: int

    def reach(self, role: Role, flag_is_on: bool) -> int:
        """0 for none, else the Reach as a number."""
        cell = self.cells[role]
        if cell == "flag":
            return Reach.ALL if flag_is_on else 0
        return REACH_OF_CELL[cell]


def load_policy(text: str) -> Mapping[Permission, PolicyRow]:
    """The table in `text`, checked. Raises PolicyError with the line of the first fault."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.startswith("|")]
    if len(lines) < 2:
        raise PolicyError("There is no table.")
    _check_header(*lines[0])
    rows: dict[Permission, PolicyRow] = {}
    for number, line in lines[2:]:
        permission, row = _parse_row(number, line)
        if permission in rows:
            raise PolicyError(f"Line {number}: {permission.name} stands twice.")
        rows[permission] = row
    if missing := [permission.name for permission in Permission if permission not in rows]:
        raise PolicyError(f"Line {lines[-1][0]}: the table ends without a row for {', '.join(missing)}.")
    return MappingProxyType(rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _check_header(number: int, line: str) -> None:
    found = tuple(_cells(line))
    if found != COLUMNS:
        raise PolicyError(
            f"Line {number}: the columns must be {', '.join(COLUMNS)}; found {', '.join(found)}."
        )


def _parse_row(number: int, line: str) -> tuple[Permission, PolicyRow]:
    cells = _cells(line)
    if len(cells) != len(COLUMNS):
        raise PolicyError(f"Line {number}: {len(COLUMNS)} cells wanted, {len(cells)} found.")
    meaning, name, *role_cells, ceiling = cells
    if name not in Permission.__members__:
        raise PolicyError(f"Line {number}: unknown permission {name!r}.")
    permission = Permission[name]
    allowed = {"-", "own", "all"} | ({"flag"} if permission in {flag.value for flag in Flag} else set())
    if wrong := [cell for cell in role_cells if cell not in allowed]:
        raise PolicyError(
            f"Line {number}: {name} has the cell {wrong[0]!r}; allowed: {', '.join(sorted(allowed))}."
        )
    if ceiling not in REACH_OF_CELL:
        raise PolicyError(f"Line {number}: the ceiling of {name} is {ceiling!r}; allowed: -, own, all.")
    if all(cell == "-" for cell in role_cells):
        raise PolicyError(f"Line {number}: no role has {name}.")
    return permission, PolicyRow(meaning, dict(zip(Role, role_cells, strict=True)), REACH_OF_CELL[ceiling])


POLICY = load_policy((Path(__file__).parent / "policy.md").read_text(encoding="utf-8"))

"""Tables, and the rows a viewer may see."""

from collections.abc import Mapping

from app.models.accounts import Account, AccountToken, AccountTokenPurpose, Session, SignInAttempt
from app.models.activities import READ_PERMISSION, WRITE_PERMISSION, Activity, ActivityKind, Area
from app.models.audit import AuditEntry
from app.models.base import DatabaseNow, JsonText, Table
from app.models.batches import batches, value_batches
from app.models.contacts import Contact, ContactStatus
from app.models.emails import (
    Email,
    EmailPurpose,
    EmailRecipient,
    EmailState,
    EmailVia,
    Mailbox,
    MailboxLevel,
    RecipientState,
)
from app.models.employees import (
    DivisionScope,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    Invitation,
    RolesField,
)
from app.models.health import WriteCheck
from app.models.idempotency import IdempotencyRecord
from app.models.partners import LeadShare, LeadShareContact, LeadShareState, Partner
from app.models.persons import Person
from app.models.projects import Division, Project
from app.models.proposals import (
    ContactProposal,
    ExternalQuestion,
    ExternalRead,
    ExternalSearches,
    ProposalDecision,
)
from app.models.reminders import (
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
    ReminderEventKind,
    ReminderKind,
    ReminderState,
)

PURGE_ORDER: Mapping[type[Table], tuple[str, type[Table]] | None] = {
    IdempotencyRecord: None,
    EmailRecipient: ("email_id", Email),
    Email: None,
    Mailbox: None,
    ReminderEvent: ("employee_id", Employee),
    Reminder: None,
    Activity: None,
    Person: None,
    LeadShareContact: ("share_id", LeadShare),
    LeadShare: None,
    ContactProposal: None,
    ExternalRead: ("employee_id", Employee),
    ExternalSearches: ("employee_id", Employee),
    ExternalQuestion: ("employee_id", Employee),
    Contact: None,
    Invitation: ("employee_id", Employee),
    EmployeeDivision: ("employee_id", Employee),
    Session: ("employee_id", Employee),
    AccountToken: None,
    Employee: None,
    Partner: None,
    Division: None,
}
"""A project's tables, what hangs on others first: emptied in this order, nothing is left that its row is needed for.
The audit log stays. Where a table has no index by project, its rows are found by what they hang on: the column, and whose."""

__all__ = [
    "PURGE_ORDER",
    "READ_PERMISSION",
    "WRITE_PERMISSION",
    "Account",
    "AccountToken",
    "AccountTokenPurpose",
    "Activity",
    "ActivityKind",
    "Area",
    "AuditEntry",
    "Contact",
    "ContactProposal",
    "ContactStatus",
    "DatabaseNow",
    "Division",
    "DivisionScope",
    "Email",
    "EmailPurpose",
    "EmailRecipient",
    "EmailState",
    "EmailVia",
    "Employee",
    "EmployeeDivision",
    "EmployeeStatus",
    "ExternalQuestion",
    "ExternalRead",
    "ExternalSearches",
    "IdempotencyRecord",
    "Invitation",
    "JsonText",
    "LeadShare",
    "LeadShareContact",
    "LeadShareState",
    "Mailbox",
    "MailboxLevel",
    "Partner",
    "Person",
    "Project",
    "ProposalDecision",
    "RecipientState",
    "Reminder",
    "ReminderClosedReason",
    "ReminderEvent",
    "ReminderEventKind",
    "ReminderKind",
    "ReminderState",
    "RolesField",
    "Session",
    "SignInAttempt",
    "Table",
    "WriteCheck",
    "batches",
    "value_batches",
]

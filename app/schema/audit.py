"""The audit log in the API: who did what to which row, when and from where. It is read here, and written nowhere."""

from typing import Any

from app import models
from app.engine.declare import ById, Listing, Table, column, computed, to_one
from app.policy import Permission as P  # noqa: N817
from app.schema.audit_changes import NEEDS, AuditChange, changes_of


class AuditEntry(Table, model=models.AuditEntry, see=P.AUDIT_READ):
    """That one row was made, changed or deleted. Entries are never changed; they go when they are old (AUDIT_KEEP_DAYS).

    Of what hangs on a contact whoever sees the contact now sees the entries; once it is gone, whoever works with the
    division that it was in.
    """

    created_at = column(P.AUDIT_READ, "When.", filter=True, sort="created_at")
    action = column(
        P.AUDIT_READ, "The mutation's name, or what the system did by itself: `popupOpen`.", filter=True
    )
    subject = column(P.AUDIT_READ, "The row's type; empty if no row changed.", filter=True)
    subject_id = column(
        P.AUDIT_READ, "The row's id. `node` finds it while it is there.", id_in="subject", filter=True
    )
    employee_id = column(
        P.AUDIT_READ, "The id of whoever did it; null: the system.", id_of="Employee", filter=True
    )
    employee = to_one("Employee", P.AUDIT_READ, "Who did it; null: the system.", via="employee_id")
    contact_id = column(
        P.AUDIT_READ, "The id of the contact that the row is or hangs on.", id_of="Contact", filter=True
    )
    contact = to_one(
        "Contact",
        P.AUDIT_READ,
        "The contact that the row is or hangs on; null once it is gone.",
        via="contact_id",
    )
    client_ip = column(P.AUDIT_READ, "From where; empty: the system, or an address that nobody could tell.")
    request_id = column(P.AUDIT_READ, "In which request: what one request did has one id.")
    changes = computed(
        list[AuditChange],
        P.AUDIT_READ,
        "What changed, cut to the fields that the viewer may read of the row.",
        changes_of,
        needs=NEEDS,
    )


queries: dict[str, Any] = {
    "audit_entry": ById(guard=P.AUDIT_READ, description="The entry with this id.", to="AuditEntry"),
    "audit_entries": Listing(
        guard=P.AUDIT_READ,
        description="The project's audit log, the latest first.",
        to="AuditEntry",
        order=("-created_at",),
    ),
}

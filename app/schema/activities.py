"""Activities: what happened with contacts, by area of the business."""

from datetime import datetime

import strawberry

from app import models
from app.engine.assemble import describe_enum
from app.engine.declare import ById, Listing, Table, column, to_one
from app.engine.guards import AnyOf, guard_values
from app.models import ActivityKind, Area
from app.policy import Permission as P  # noqa: N817
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import activities

# Which areas' activities one sees, and whether only one's own, is a matter of rows.
READ = AnyOf((P.ACTIVITY_SALES_READ, P.ACTIVITY_SERVICE_READ, P.ACTIVITY_BILLING_READ))
WRITE = AnyOf((P.ACTIVITY_SALES_WRITE, P.ACTIVITY_SERVICE_WRITE, P.ACTIVITY_BILLING_WRITE))

describe_enum(
    models.ActivityKind,
    "What happened.",
    CALL="A telephone call.",
    MEETING="A meeting.",
    EMAIL="An e-mail, sent or received outside of Divize.",
    NOTE="Anything else worth knowing.",
)
describe_enum(
    models.Area,
    "The part of the business that something belongs to, which decides who sees it.",
    SALES="Sales. To record it takes ACTIVITY_SALES_WRITE.",
    SERVICE="Service. To record it takes ACTIVITY_SERVICE_WRITE.",
    COMPLAINT="Complaints. To record it takes ACTIVITY_SERVICE_WRITE.",
    BILLING="Invoices and payments. To record it takes ACTIVITY_BILLING_WRITE.",
)
guard_values(models.Area, models.READ_PERMISSION)


class Activity(Table, model=models.Activity, see=READ):
    """Something that happened with a contact. One sees those of the areas that one may read."""

    kind = column(READ, "What happened.", filter=True)
    area = column(READ, "The part of the business it belongs to.", filter=True)
    summary = column(READ, "What it was about, in one line.")
    detail = column(READ, "More about it.")
    occurred_at = column(READ, "When it happened.", filter=True, sort="occurred_at")
    created_at = column(READ, "When it was recorded.", filter=True, sort="created_at")
    author_id = column(READ, "The id of whoever recorded it.", id_of="Employee", filter=True)
    author = to_one("Employee", READ, "Who recorded it.", via="author_id")
    contact_id = column(READ, "The contact's id.", id_of="Contact", filter=True)
    contact = to_one("Contact", READ, "The contact it happened with.", via="contact_id")


queries = {
    "activity": ById(guard=READ, description="One activity.", to="Activity"),
    "activities": Listing(
        guard=READ,
        description="Activities with all contacts in reach, the latest first.",
        to="Activity",
        order=("-occurred_at",),
    ),
}


@strawberry.input(description="Something that happened.")
class ActivityRecordInput:
    contact_id: strawberry.ID = required("The contact it happened with.", id_of="Contact")
    kind: ActivityKind = required("What happened.")
    area: Area = required("The part of the business; each has its own permission.")
    summary: str = required("What it was about: one line, at most 500 characters.")
    detail: str | None = optional("More about it, at most 20,000 characters.")
    occurred_at: datetime | None = optional(
        "When it happened: now if not given, from the year 2000 on. Up to five minutes ahead it is now, as clocks differ; "
        "what is still to come is refused."
    )
    idempotency_key: str | None = idempotency_key()


@mutation(WRITE, activity=Activity)
async def activity_record(act: Act, input: ActivityRecordInput) -> Returned:
    """Records what the viewer did with a contact; the contact itself does not change."""
    activity = await activities.record(act.member, now=act.now, **given(input))
    return {"activity": activity.id}

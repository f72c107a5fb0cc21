"""Partners: the outside firms whose people can be added as employees, and to whom contacts are lent."""

from typing import Any

import strawberry

from app import models
from app.engine.declare import ById, Listing, Table, column, to_many
from app.policy import Permission as P  # noqa: N817
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import partners


class Partner(Table, model=models.Partner, see=P.LEAD_SHARE):
    """An outside firm (a call centre) whose people work here as external employees."""

    name = column(P.LEAD_SHARE, "Its name.", filter=True, sort="sort_key")
    employees = to_many(
        "Employee",
        P.EMPLOYEE_READ,
        "Its people who work here, those invited and those who left too.",
        via="partner_id",
        order="sort_key",
    )
    shares = to_many(
        "LeadShare",
        P.LEAD_SHARE,
        "What was lent to it, the latest first.",
        via="partner_id",
        order="-created_at",
    )
    archived_at = column(
        P.LEAD_SHARE, "Since when nobody of it is added any more; null while it is used.", filter=True
    )
    version = column(P.LEAD_SHARE, "Grows with each change; see expectedVersion.")
    created_at = column(P.LEAD_SHARE, "When it was made.")


queries: dict[str, Any] = {
    "partner": ById(guard=P.LEAD_SHARE, description="The partner with this id.", to="Partner"),
    "partners": Listing(
        guard=P.LEAD_SHARE, description="The project's partners.", to="Partner", order=("sort_key",)
    ),
}


@strawberry.input(description="A new partner.")
class PartnerCreateInput:
    name: str = required("Its name, at most 200 characters; no other partner in use has it.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.LEAD_SHARE, partner=Partner)
async def partner_create(act: Act, input: PartnerCreateInput) -> Returned:
    """Makes a partner. Its people are invited as employees with its id; it sees what is lent to it."""
    partner = await partners.create(act.member, now=act.now, **given(input))
    return {"partner": partner.id}


@strawberry.input(description="Changes of a partner. What is not sent stays.")
class PartnerUpdateInput:
    id: strawberry.ID = required("Which partner.", id_of="Partner")
    name: str | None = optional("Its name, at most 200 characters; no other partner in use has it.")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.LEAD_SHARE, partner=Partner)
async def partner_update(act: Act, input: PartnerUpdateInput) -> Returned:
    """Renames a partner."""
    partner = await partners.update(act.member, **given(input))
    return {"partner": partner.id}


@strawberry.input(description="A partner that is not worked with any more.")
class PartnerArchiveInput:
    id: strawberry.ID = required("Which partner.", id_of="Partner")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.LEAD_SHARE, partner=Partner)
async def partner_archive(act: Act, input: PartnerArchiveInput) -> Returned:
    """Archives a partner: all that is lent to it is recalled at once, nobody of it is added, and nothing lent any more.

    Its people stay employees and see no contact; deactivate them where they are not needed. Twice is no error.
    """
    partner = await partners.archive(act.member, now=act.now, **given(input))
    return {"partner": partner.id}

"""Lead shares that are there already: renamed, moved, added to, taken from, recalled."""

from datetime import timedelta
from typing import Any

import pytest

from app.models import AuditEntry, Contact, Employee, LeadShare, Partner, Project
from tests.factories import (
    NOON,
    make_lead_share,
)
from tests.graphql import SentJob, as_employee
from tests.schema.share_cases import (
    ADD,
    ARCHIVE,
    MUTATIONS,
    RECALL,
    REMOVE,
    SOMEDAY,
    UPDATE,
    YESTERYEAR,
    contacts,
    director,
    external,
    names,
    partner,
    project,
    refused,
    seen_by,
    share_of,
)

__all__ = ["contacts", "director", "external", "partner", "project"]


async def test_a_share_is_renamed_and_its_span_moved(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, valid_until=SOMEDAY)

    answer = await as_employee(director).run(
        UPDATE, input={"id": share, "campaign": "Léto", "validUntil": None, "expectedVersion": 1}
    )

    changed = share_of(answer, "leadShareUpdate")
    assert (changed["campaign"], changed["validUntil"], changed["version"]) == ("Léto", None, 2)
    assert (await AuditEntry.get(action="leadShareUpdate")).changes["campaign"] == [share.campaign, "Léto"]


async def test_what_is_sent_as_it_stands_is_no_change(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact], rings: list[str]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, valid_until=SOMEDAY)

    answer = await as_employee(director).run(
        UPDATE, input={"id": share, "campaign": share.campaign, "validUntil": SOMEDAY}
    )

    assert share_of(answer, "leadShareUpdate")["version"] == 1 and rings == []


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({"campaign": None}, ("input.campaign", "REQUIRED")),
        ({"validFrom": None}, ("input.validFrom", "REQUIRED")),
        ({"validUntil": YESTERYEAR - timedelta(days=800)}, ("input.validUntil", "OUT_OF_RANGE")),
        ({"campaign": "Léto", "expectedVersion": 7}, ("input.expectedVersion", "STALE_VERSION")),
    ],
)
async def test_a_change_that_cannot_be_is_told_and_nothing_is_written(
    project: Project,
    director: Employee,
    partner: Partner,
    sent_jobs: list[SentJob],
    rings: list[str],
    sent: dict[str, Any],
    fault: tuple[str, str],
) -> None:
    share = await make_lead_share(project, partner, created_by=director)

    answer = await refused(as_employee(director), UPDATE, {"id": share, **sent}, sent_jobs, rings)

    assert answer.faults("leadShareUpdate") == [fault]


async def test_contacts_are_added_to_a_share_and_taken_out(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts[:1], created_by=director)
    client, outsider = as_employee(director), as_employee(external)

    added = await client.run(ADD, input={"id": share, "contactIds": contacts})
    assert names(share_of(added, "leadShareAdd")["contacts"]) == await seen_by(outsider)
    removed = await client.run(REMOVE, input={"id": share, "contactIds": contacts[:2]})

    assert names(share_of(removed, "leadShareRemove")["contacts"]) == ["Gama"] == await seen_by(outsider)
    assert share_of(removed, "leadShareRemove")["version"] == 3
    noted = await AuditEntry.filter(action="leadShareAdd").order_by("subject_id")
    assert [(entry.subject, entry.subject_id) for entry in noted] == [
        ("Contact", each.id) for each in contacts[1:]
    ]
    assert noted[0].changes == {"lead_share_id": [None, str(share.id)]}


@pytest.mark.parametrize("way", ["leadShareRecall", "leadShareUpdate", "partnerArchive"])
async def test_whichever_way_a_share_is_over_each_contact_tells_that_it_was_taken_back(
    project: Project,
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    way: str,
) -> None:
    """In the same words as for one that is taken out."""
    share = await make_lead_share(project, partner, contacts, created_by=director)
    asked, sent = {
        "leadShareRecall": (RECALL, {"id": share}),
        "leadShareUpdate": (UPDATE, {"id": share, "validUntil": "2026-03-01T00:00:00Z"}),
        "partnerArchive": (ARCHIVE, {"id": partner}),
    }[way]

    answer = await as_employee(director).run(asked, input=sent)

    assert answer.faults(way) == []
    noted = await AuditEntry.filter(action=way, subject="Contact").order_by("subject_id")
    assert [(each.subject_id, each.contact_id) for each in noted] == [(each.id, each.id) for each in contacts]
    assert [each.changes for each in noted] == [{"lead_share_id": [str(share.id), None]}] * 3


async def test_what_is_in_a_share_already_or_not_in_it_is_no_error_and_no_change(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact], rings: list[str]
) -> None:
    share = await make_lead_share(project, partner, contacts[:1], created_by=director)
    client = as_employee(director)

    added = await client.run(ADD, input={"id": share, "contactIds": contacts[:1]})
    removed = await client.run(REMOVE, input={"id": share, "contactIds": contacts[1:]})

    assert share_of(added, "leadShareAdd")["version"] == 1
    assert share_of(removed, "leadShareRemove")["version"] == 1 and rings == []


async def test_a_recall_takes_all_back_at_once_and_twice_is_no_error(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director)
    client, outsider = as_employee(director), as_employee(external)
    assert len(await seen_by(outsider)) == 3

    first = await client.run(RECALL, input={"id": share})
    again = await client.run(RECALL, input={"id": share})

    assert share_of(first, "leadShareRecall")["state"] == "RECALLED" and again.data == first.data
    assert await seen_by(outsider) == []
    recalled = await LeadShare.get()
    assert recalled.closed_at == recalled.recalled_at is not None


@pytest.mark.parametrize("over", [{"recalled_at": NOON}, {"valid_until": NOON}], ids=["recalled", "ended"])
@pytest.mark.parametrize(
    "mutation", ["leadShareUpdate", "leadShareAdd", "leadShareRemove", "leadShareRecall"]
)
async def test_a_share_that_is_over_is_not_changed(
    project: Project,
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
    over: dict[str, Any],
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, **over)
    more: dict[str, Any] = {
        "leadShareUpdate": {"validUntil": SOMEDAY},
        "leadShareAdd": {"contactIds": contacts},
        "leadShareRemove": {"contactIds": contacts},
    }
    sent = {"id": share, **more.get(mutation, {})}

    answer = await refused(as_employee(director), MUTATIONS[mutation], sent, sent_jobs, rings)

    again = mutation == "leadShareRecall" and "recalled_at" in over
    assert answer.faults(mutation) == ([] if again else [("input.id", "WRONG_STATE")])

"""Every update of the API: what is sent back as it was read changes nothing, writes nothing and tells nobody."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import db
from app.models import (
    ContactStatus,
    Employee,
    EmployeeStatus,
    Project,
    ReminderKind,
    ReminderState,
    Table,
)
from app.policy import Role
from tests import factories as make
from tests.conftest import Clock
from tests.graphql import Bells, Client, as_employee, gid
from tests.models.world import all_models
from tests.schema.audit_cases import Firm, make_firm
from tests.schema.update_cases import Update, updates

UPDATES = {each.name: each for each in updates()}
#: What asking itself leaves: when a session was used last.
OF_ASKING = {"sessions"}
ODD = timedelta(hours=1, milliseconds=123, microseconds=456)
SEAT = {"street": "Dlouhá 1", "city": "Praha", "postal_code": "11000", "country": "CZ"}
NUMBERS = {
    "ico": "27082440",
    "vat_id": "CZ27082440",
    "tax_number": "7103192745",
    "registration_number": "KRS 0000028860",
    "registration_country": "PL",
}
FIRM = {**NUMBERS, "legal_form": "s.r.o.", **SEAT}

#: Written when these were names: nobody sees the one, and the other has no letter and no digit.
BLANK, SIGNS = "\u2800", "***"

Scene = Callable[[Firm, datetime], Awaitable[Sequence[Table]]]


async def contacts(firm: Firm, now: datetime) -> Sequence[Table]:
    """All filled in; in an archived division, of somebody who left, with an open reminder; and one that is bare."""
    archived = await make.make_division(firm.project, archived_at=now - ODD)
    left = await make.make_employee(firm.project, status=EmployeeStatus.DEACTIVATED)
    full = {
        "division": archived,
        "owner": left,
        "status": ContactStatus.CUSTOMER,
        **FIRM,
        "email": "info@alfa.cz",
        "phone": "+420605123456",
        "web": "https://alfa.cz/",
        "bank_account": "19-2000145399/0800",
        "credit_limit_minor": 123_450,
        "price_level": "B",
        "internal_rating": 3,
    }
    del full["legal_form"]
    contact = await make.make_contact(firm.project, **full)
    await make.make_reminder(firm.rep, contact=contact, due_at=now - ODD)
    return [contact, await make.make_contact(firm.project, name=BLANK)]


async def persons(firm: Firm, now: datetime) -> Sequence[Table]:
    full = {"position": "Účetní", "email": "eva@alfa.cz", "phone": "+420605123456"}
    return [await make.make_person(firm.contact, **full), await make.make_person(firm.contact, name=SIGNS)]


async def reminders(firm: Firm, now: datetime) -> Sequence[Table]:
    """Snoozed after it came due, in an open window, to come, and done; at odd times, and at a whole second."""
    done = {"state": ReminderState.RESOLVED, "resolved_at": now, "resolved_by": firm.admin}
    noted = {"contact": firm.contact, "note": "První řádek\ndruhý", "kind": ReminderKind.FOLLOW_UP}
    return [
        await make.make_reminder(firm.rep, due_at=now - ODD, snoozed_until=now + ODD, **noted),
        await make.make_reminder(firm.admin, due_at=now - ODD, **noted),
        await make.make_reminder(firm.admin, due_at=(now + ODD).replace(microsecond=0), snoozed_until=now),
        await make.make_reminder(None, created_by=firm.admin, due_at=now + ODD, title=BLANK),
        await make.make_reminder(firm.admin, due_at=now - ODD, title=SIGNS, **noted, **done),
    ]


async def divisions(firm: Firm, now: datetime) -> Sequence[Table]:
    """With an address that was not proved; archived, with the name of one that is not."""
    unproved = await make.make_division(firm.project, name="Velkoobchod", email="velko@example.cz", **FIRM)
    older = await make.make_division(firm.project, name=SIGNS)
    archived = {"archived_at": now - ODD, "email": "malo@example.cz", "email_verified_at": now - ODD}
    return [unproved, older, await make.make_division(firm.project, name="velkoobchod", **archived)]


async def projects(firm: Firm, now: datetime) -> Sequence[Table]:
    """Its address is not proved."""
    full = {
        **FIRM,
        "name": BLANK,
        "email_verified_at": None,
        "time_zone": "Europe/Bratislava",
        "daily_delete_limit": 7,
    }
    await Project.filter(id=firm.project.id).update(**full)
    return [await Project.get(id=firm.project.id)]


async def partners(firm: Firm, now: datetime) -> Sequence[Table]:
    archived = await make.make_partner(firm.project, archived_at=now - ODD, name=BLANK)
    return [firm.partner, archived, await make.make_partner(firm.project, name=SIGNS)]


async def lead_shares(firm: Firm, now: datetime) -> Sequence[Table]:
    """One over in a moment, one to come, one without an end; one that ended, and one that was recalled."""
    spans: Sequence[dict[str, Any]] = [
        {"valid_from": now - ODD, "valid_until": now + timedelta(seconds=2, milliseconds=7)},
        {"valid_from": now + ODD, "valid_until": now + 2 * ODD},
        {"valid_from": now - ODD, "campaign": SIGNS},
        {"valid_from": now - ODD, "valid_until": now - timedelta(milliseconds=1), "campaign": BLANK},
        {"valid_from": now - ODD, "recalled_at": now - timedelta(seconds=1)},
    ]
    return [
        await make.make_lead_share(firm.project, firm.partner, [firm.contact], created_by=firm.admin, **span)
        for span in spans
    ]


async def employees(firm: Firm, now: datetime) -> Sequence[Table]:
    """Oneself; of an archived firm in an archived division; invited; gone; with a window about to open."""
    gone = await make.make_division(firm.project, archived_at=now - ODD)
    away = await make.make_partner(firm.project, archived_at=now - ODD)
    flags: dict[str, Any] = {
        "can_delete_contacts": True,
        "can_send_bulk_email": True,
        "time_zone": "Europe/London",
    }
    timed = {**flags, "reminder_interval_minutes": 30}
    agent = await make.make_employee(
        firm.project, [Role.EXTERNAL_TELEPHONIST], partner=away, divisions=[gone, firm.division], **timed
    )
    invited = await make.make_employee(firm.project, [Role.INVOICER], status=EmployeeStatus.INVITED, **timed)
    await make.make_invitation(invited)
    left = await make.make_employee(
        firm.project, [Role.DIRECTOR], status=EmployeeStatus.DEACTIVATED, name=BLANK, **timed
    )
    # In another order than that of the policy.
    busy = await make.make_employee(
        firm.project, [Role.ADMIN, Role.TELEPHONIST, Role.SALES_REP], name=SIGNS, **timed
    )
    await make.make_reminder(busy, due_at=now - ODD)
    await Employee.filter(id=busy.id).update(last_popup_at=now - ODD)
    await Employee.filter(id=firm.admin.id).update(reminder_interval_minutes=15)
    return [firm.admin, agent, invited, left, busy]


SCENES: dict[str, Scene] = {
    "Contact": contacts,
    "Person": persons,
    "Reminder": reminders,
    "Division": divisions,
    "Project": projects,
    "Partner": partners,
    "LeadShare": lead_shares,
    "Employee": employees,
}


def test_what_every_update_takes_is_shown() -> None:
    unpaired = {f"{name}.{each}" for name, update in UPDATES.items() for each in update.unpaired}

    assert unpaired == set(), "Show it, or say in ELSEWHERE why it is no value of the row."
    assert len(UPDATES) >= 9
    assert {update.type_name for update in UPDATES.values()} <= SCENES.keys()


@pytest.mark.parametrize("name", UPDATES)
async def test_what_is_sent_back_as_it_was_read_changes_nothing(
    name: str, clock: Clock, bells: Bells
) -> None:
    update, firm = UPDATES[name], await make_firm()
    clock.at = datetime.now(UTC).replace(microsecond=0)
    client = await as_employee(firm.admin).sign_in()
    rows = await SCENES[update.type_name](firm, clock.at)
    filled: set[str] = set()

    for row in rows if update.takes_id else rows[:1]:
        read = (await client.run(update.query, id=gid(row))).data["node"]
        filled |= {each for each in update.selections if read[each] not in (None, [])}
        before = await _everything()
        await _send_back(update, client, read)
        assert _differing(before, await _everything()) == [], row

    assert (bells.jobs, bells.rings) == ([], [])
    assert filled == update.selections.keys(), "None of the rows has a value there."


async def _send_back(update: Update, client: Client, read: dict[str, Any]) -> None:
    sent = update.sent_back(read)
    if not update.can_send(sent):
        return
    for version in [{"expectedVersion": read["version"]}, {}] if update.takes_version else [{}]:
        answer = await client.run(update.document, input={**sent, **version})
        assert answer.faults(update.name) == []
        assert answer.data[update.name][update.returned] == read


async def _everything() -> list[Any]:
    """Every row of every table as its bytes."""
    tables = [model._meta.db_table for model in all_models()]
    found = [
        (table, tuple(row.items()))
        for table in tables
        if table not in OF_ASKING
        for row in await db.fetch(f'SELECT * FROM "{table}"')
    ]
    return sorted(found, key=repr)


def _differing(before: list[Any], after: list[Any]) -> list[Any]:
    return [*(each for each in before if each not in after), *(each for each in after if each not in before)]

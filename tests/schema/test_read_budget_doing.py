"""What people of outside firms are shown by what they do and by what they are told: counted, and never taken back."""

from typing import Any

from app.integrations.pubsub import Hub
from app.models import Activity, Contact, Employee, Project
from tests.factories import LONG_AGO, make_reminder
from tests.graphql import Client
from tests.schema.feed_cases import answers, hub, next_event
from tests.schema.read_budget_cases import (
    client,
    contacts,
    counted,
    external,
    look_at,
    partner,
    project,
)

__all__ = ["client", "contacts", "external", "hub", "partner", "project"]


RECORD = """mutation ($input: ActivityRecordInput!) { activityRecord(input: $input) {
  activity { summary contact { name } } errors { code } } }"""


def call(contact: Contact) -> dict[str, Any]:
    return {"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Volal jsem"}


async def test_what_a_mutation_shows_is_counted(client: Client, contacts: list[Contact]) -> None:
    answer = await client.run(RECORD, input=call(contacts[0]))

    assert answer.data["activityRecord"]["activity"]["contact"] == {"name": "Kontakt 0"}
    assert await counted() == {contacts[0].id}


async def test_what_was_done_is_told_even_if_it_shows_one_too_many(
    client: Client, contacts: list[Contact], project: Project
) -> None:
    await look_at(client, contacts[:2])
    await Project.filter(id=project.id).update(external_read_limit=3)
    two = """mutation ($a: ActivityRecordInput!, $b: ActivityRecordInput!) {
      a: activityRecord(input: $a) { activity { contact { name } } }
      b: activityRecord(input: $b) { activity { contact { name } } } }"""

    answer = await client.run(two, a=call(contacts[2]), b=call(contacts[3]))

    assert answer.errors == [] and await Activity.all().count() == 2
    assert len(await counted()) == 4
    assert (await look_at(client, contacts[4:5])).codes == ["RATE_LIMITED"]


async def test_work_goes_on_when_the_budget_is_used_up(client: Client, contacts: list[Contact]) -> None:
    """Whoever called the last contact of his day may still write down what was said."""
    await look_at(client, contacts[:3])

    answer = await client.run(RECORD, input=call(contacts[0]))

    assert answer.data["activityRecord"]["activity"]["contact"] == {"name": "Kontakt 0"}
    assert await Activity.all().count() == 1 and len(await counted()) == 3


FEED = """subscription { reminderFeed { __typename ... on ReminderPopup {
  reminders { title contact { name } } } } }"""


async def test_what_a_subscription_shows_is_counted_and_it_goes_on(
    hub: Hub, client: Client, external: Employee, contacts: list[Contact]
) -> None:
    external.reminder_interval_minutes = 15
    await external.save()
    for contact in contacts[:4]:
        await make_reminder(external, contact=contact, due_at=LONG_AGO)

    async with answers(hub, client, document=FEED) as events:
        popup, live = [await next_event(events) for _ in range(2)]

    assert len(popup.data["reminderFeed"]["reminders"]) == 4
    assert live.data["reminderFeed"]["__typename"] == "ReminderFeedLive"
    assert await counted() == {each.id for each in contacts[:4]}


async def test_the_window_comes_back_when_the_budget_is_used_up(
    hub: Hub, client: Client, external: Employee, contacts: list[Contact]
) -> None:
    """A reminder is never lost: its contact was given to him with it."""
    external.reminder_interval_minutes = 15
    await external.save()
    await make_reminder(external, contact=contacts[3], due_at=LONG_AGO)
    await look_at(client, contacts[:3])

    async with answers(hub, client, document=FEED) as events:
        popup = await next_event(events)

    assert popup.data["reminderFeed"]["reminders"][0]["contact"] == {"name": "Kontakt 3"}
    assert await counted() == {each.id for each in contacts[:4]}
    assert (await look_at(client, contacts[4:5])).codes == ["RATE_LIMITED"]

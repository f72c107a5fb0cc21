"""Sending mail to contacts, seeing who it comes from, reading what was sent."""

from typing import Any

import pytest

from app import config
from app.jobs import Job
from app.models import (
    Area,
    AuditEntry,
    Contact,
    Email,
    EmailPurpose,
    EmailRecipient,
    EmailState,
    MailboxLevel,
    Project,
    RecipientState,
)
from tests.factories import (
    NOON,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_mailbox,
    make_project,
)
from tests.graphql import Client, SentJob, as_employee, as_role, gid

SEND = """
mutation Send($input: EmailSendInput!) {
  emailSend(input: $input) {
    email {
      id state messageId fromAddress fromName replyTo via subject text html purpose area sentAt
      contact { id } author { id } recipients { address state response attempts }
    }
    errors { code message path }
  }
}
"""
PREVIEW = """
query Sender($purpose: SenderPurpose = BUSINESS, $divisionId: ID) {
  senderPreview(purpose: $purpose, divisionId: $divisionId) { address displayName replyTo via }
}
"""
CANCEL = """
mutation Cancel($input: EmailCancelInput!) {
  emailCancel(input: $input) { email { id state recipients { state response } } errors { code message path } }
}
"""
LIST = "query { emails { totalCount nodes { subject } } }"
ONE = "query One($id: ID!) { email(id: $id) { subject text recipients { address } } }"


async def firm(**values: Any) -> Project:
    return await make_project(**{"name": "Firma", "email": "info@firma.cz", **values})


async def sales_rep(project: Project, **values: Any) -> Client:
    return await as_role("SALES_REP", project=project, **values).sign_in()


def draft(contact: Contact, **values: Any) -> dict[str, Any]:
    return {"contactId": contact, "subject": "Nabídka", "text": "Dobrý den", **values}


async def test_a_mail_is_queued_with_its_sender_and_recipients(sent_jobs: list[SentJob]) -> None:
    project = await firm()
    contact = await make_contact(project)
    me = await sales_rep(project)

    answer = await me.run(
        SEND, input=draft(contact, to=["jana@Zakaznik.cz", "petr@zakaznik.cz"], html="<p>Dobrý den</p>")
    )

    assert answer.faults("emailSend") == []
    email = await Email.get()
    sent = answer.data["emailSend"]["email"]
    assert sent.pop("recipients") == [
        {"address": address, "state": "QUEUED", "response": None, "attempts": 0}
        for address in ("jana@zakaznik.cz", "petr@zakaznik.cz")
    ]
    assert me.employee is not None
    assert sent == {
        "id": gid(email),
        "state": "QUEUED",
        "messageId": f"<{email.id}@firma.cz>",
        "fromAddress": "info@firma.cz",
        "fromName": "Firma",
        "replyTo": None,
        "via": "RELAY",
        "subject": "Nabídka",
        "text": "Dobrý den",
        "html": "<p>Dobrý den</p>",
        "purpose": "BUSINESS",
        "area": None,
        "sentAt": None,
        "contact": {"id": gid(contact)},
        "author": {"id": gid(me.employee)},
    }
    assert sent_jobs == [SentJob(Job.SEND_EMAIL, (str(email.id),), None)]
    entry = await AuditEntry.get()
    assert (entry.action, entry.subject, entry.subject_id) == ("emailSend", "Email", email.id)
    assert entry.changes["recipients"] == [None, ["jana@zakaznik.cz", "petr@zakaznik.cz"]]
    assert "Dobrý den" not in str(entry.changes)


async def test_a_mail_without_addresses_goes_to_the_contacts_own() -> None:
    project = await firm()
    contact = await make_contact(project, email="info@zakaznik.cz")

    answer = await (await sales_rep(project)).run(SEND, input=draft(contact))

    assert answer.faults("emailSend") == []
    assert [row.address for row in await EmailRecipient.all()] == ["info@zakaznik.cz"]


async def test_an_address_given_twice_gets_one_mail() -> None:
    project = await firm()
    to = ["Jana@zakaznik.cz", "petr@zakaznik.cz", "jana@ZAKAZNIK.cz"]

    await (await sales_rep(project)).run(SEND, input=draft(await make_contact(project), to=to))

    rows = await EmailRecipient.all().order_by("id")
    assert [row.address for row in rows] == ["Jana@zakaznik.cz", "petr@zakaznik.cz"]


async def test_the_contacts_division_decides_the_sender() -> None:
    project = await firm()
    division = await make_division(project, name="B2B", email="b2b@firma.cz", email_verified_at=NOON)
    contact = await make_contact(project, division=division, email="info@zakaznik.cz")
    me = await sales_rep(project)

    answer = await me.run(SEND, input=draft(contact))
    preview = await me.run(PREVIEW, divisionId=division)

    sent = answer.data["emailSend"]["email"]
    assert (sent["fromAddress"], sent["fromName"]) == ("b2b@firma.cz", "B2B")
    assert preview.data["senderPreview"] == {
        "address": "b2b@firma.cz",
        "displayName": "B2B",
        "replyTo": None,
        "via": "RELAY",
    }


async def test_personal_mail_carries_the_authors_name_and_address() -> None:
    project = await firm()
    contact = await make_contact(project, email="info@zakaznik.cz")
    me = await sales_rep(project, name="Jana Nová", email="jana@firma.cz")

    answer = await me.run(SEND, input=draft(contact, personal=True))
    preview = await me.run(PREVIEW, purpose="PERSONAL")

    sent = answer.data["emailSend"]["email"]
    assert (sent["fromAddress"], sent["fromName"], sent["replyTo"], sent["purpose"]) == (
        "info@firma.cz",
        "Jana Nová",
        "jana@firma.cz",
        "PERSONAL",
    )
    assert preview.data["senderPreview"]["replyTo"] == "jana@firma.cz"


async def test_an_unproved_address_is_only_answered_to_unless_the_installation_trusts_it() -> None:
    project = await firm(email_verified_at=None)
    me = await sales_rep(project)

    unproved = (await me.run(PREVIEW)).data["senderPreview"]
    with config.override(trust_addresses=True):
        trusted = (await me.run(PREVIEW)).data["senderPreview"]

    assert unproved == {
        "address": "divize@example.com",
        "displayName": "Firma",
        "replyTo": "info@firma.cz",
        "via": "INSTALLATION",
    }
    assert (trusted["address"], trusted["via"]) == ("info@firma.cz", "RELAY")


async def test_a_connected_mailbox_is_the_sender_and_another_projects_never_is() -> None:
    project = await firm()
    mailbox = await make_mailbox(project, address="obchod@firma.cz", verified_at=NOON)
    other = await firm()
    contact = await make_contact(project, email="info@zakaznik.cz")

    answer = await (await sales_rep(project)).run(SEND, input=draft(contact))
    elsewhere = await (await sales_rep(other)).run(PREVIEW)

    assert answer.data["emailSend"]["email"]["via"] == "MAILBOX"
    assert (await Email.get()).mailbox_id == mailbox.id
    assert elsewhere.data["senderPreview"]["address"] == "info@firma.cz"


async def test_a_colleagues_mailbox_is_not_used() -> None:
    project = await firm()
    colleague = await make_employee(project, ["SALES_REP"])
    await make_mailbox(project, level=MailboxLevel.EMPLOYEE, employee=colleague, verified_at=NOON)

    preview = await (await sales_rep(project)).run(PREVIEW, purpose="PERSONAL")

    assert preview.data["senderPreview"]["via"] == "RELAY"


async def test_a_project_without_an_address_sends_nothing(sent_jobs: list[SentJob]) -> None:
    project = await firm(email=None, email_verified_at=None)
    me = await sales_rep(project)
    contact = await make_contact(project, email="info@zakaznik.cz")

    answer = await me.run(SEND, input=draft(contact))

    assert answer.faults("emailSend") == [("input", "NO_SENDER")]
    assert (await me.run(PREVIEW)).data["senderPreview"] is None
    assert await Email.all().count() == 0 and sent_jobs == []


async def test_a_repeated_request_sends_one_mail(sent_jobs: list[SentJob]) -> None:
    project = await firm()
    me = await sales_rep(project)
    given = draft(await make_contact(project, email="info@zakaznik.cz"), idempotencyKey="klic")

    first, second = await me.run(SEND, input=given), await me.run(SEND, input=given)
    other = await me.run(SEND, input={**given, "subject": "Jiná"})

    assert first.data == second.data and other.codes == ["IDEMPOTENCY_MISMATCH"]
    assert await Email.all().count() == 1 and len(sent_jobs) == 1


async def test_a_telephonist_reads_the_mail_he_wrote_and_no_other() -> None:
    project = await firm()
    contact = await make_contact(project, email="info@zakaznik.cz")
    await make_email(project, contact=contact, author=await make_employee(project), subject="Cizí")
    me = await as_role("TELEPHONIST", project=project).sign_in()

    answer = await me.run(SEND, input=draft(contact))

    assert answer.data["emailSend"]["email"]["subject"] == "Nabídka"
    assert (await me.run(LIST)).data["emails"] == {"totalCount": 1, "nodes": [{"subject": "Nabídka"}]}


async def test_mail_of_an_area_is_read_by_those_who_read_the_area() -> None:
    project = await firm()
    contact = await make_contact(project)
    for area in (Area.SALES, Area.BILLING, None):
        await make_email(project, contact=contact, area=area, subject=area or "ŽÁDNÁ")

    seen = await (await sales_rep(project)).run(
        "query { emails(orderBy: [{createdAt: ASC}]) { nodes { subject } } }"
    )

    subjects = {node["subject"] for node in seen.data["emails"]["nodes"]}
    assert subjects == {"SALES", "ŽÁDNÁ"}


async def test_the_systems_own_mail_is_read_by_nobody() -> None:
    project = await firm()
    boss = await as_role("ADMIN", project=project).sign_in()
    invitation = await make_email(
        project, purpose=EmailPurpose.INVITATION, template="invitation", author=boss.employee
    )

    assert (await boss.run(ONE, id=invitation)).data == {"email": None}
    assert (await boss.run(LIST)).data["emails"]["totalCount"] == 0


async def test_an_author_records_only_in_areas_of_his_own(sent_jobs: list[SentJob]) -> None:
    project = await firm()
    contact = await make_contact(project, email="info@zakaznik.cz")
    me = await as_role("TELEPHONIST", project=project).sign_in()

    refused = await me.run(SEND, input=draft(contact, area="BILLING"))
    allowed = await me.run(SEND, input=draft(contact, area="SALES"))

    assert refused.codes == ["FORBIDDEN"]
    assert allowed.data["emailSend"]["email"]["area"] == "SALES"
    assert await Email.all().count() == 1 and len(sent_jobs) == 1


@pytest.mark.parametrize("document", [SEND, PREVIEW], ids=["emailSend", "senderPreview"])
async def test_an_external_telephonist_sends_no_mail(document: str, sent_jobs: list[SentJob]) -> None:
    project = await firm()
    me = await as_role("EXTERNAL_TELEPHONIST", project=project).sign_in()

    answer = await me.run(
        document, **({"input": draft(await make_contact(project))} if document is SEND else {})
    )

    assert answer.codes == ["FORBIDDEN"]
    assert await Email.all().count() == 0 and sent_jobs == []


async def test_a_waiting_mail_is_taken_back_and_then_not_again() -> None:
    project = await firm()
    me = await sales_rep(project)
    contact = await make_contact(project)
    email = await make_email(project, contact=contact, author=me.employee)

    first = await me.run(CANCEL, input={"id": email})
    second = await me.run(CANCEL, input={"id": email})

    assert first.faults("emailCancel") == []
    assert first.data["emailCancel"]["email"]["state"] == "CANCELLED"
    assert second.faults("emailCancel") == [("input.id", "WRONG_STATE")]


@pytest.mark.parametrize("state", [EmailState.SENDING, EmailState.SENT, EmailState.FAILED])
async def test_a_mail_in_hand_or_decided_is_not_taken_back(state: EmailState) -> None:
    project = await firm()
    me = await sales_rep(project)
    email = await make_email(project, contact=await make_contact(project), state=state)

    answer = await me.run(CANCEL, input={"id": email})

    assert answer.faults("emailCancel") == [("input.id", "WRONG_STATE")]
    assert (await Email.get(id=email.id)).state is state


async def test_who_has_a_mail_keeps_it_when_it_is_taken_back() -> None:
    project = await firm()
    me = await sales_rep(project)
    email = await make_email(
        project,
        contact=await make_contact(project),
        state=EmailState.DEFERRED,
        recipients=["a@x.cz", "b@x.cz"],
    )
    await EmailRecipient.filter(address="a@x.cz").update(state=RecipientState.SENT)
    await EmailRecipient.filter(address="b@x.cz").update(state=RecipientState.DEFERRED)

    answer = await me.run(CANCEL, input={"id": email})

    assert answer.data["emailCancel"]["email"] == {
        "id": gid(email),
        "state": "PARTIAL",
        "recipients": [
            {"state": "SENT", "response": None},
            {"state": "FAILED", "response": "Withdrawn before it was delivered."},
        ],
    }


async def test_mail_of_another_project_is_as_if_it_were_not_there(sent_jobs: list[SentJob]) -> None:
    other = await firm()
    foreign = await make_contact(other, email="info@zakaznik.cz")
    email = await make_email(other, contact=foreign, author=await make_employee(other))
    division = await make_division(other)
    me = await as_role("ADMIN", project=await firm()).sign_in()

    assert (await me.run(ONE, id=email)).data == {"email": None}
    assert (await me.run(CANCEL, input={"id": email})).codes == ["NOT_FOUND"]
    assert (await me.run(SEND, input=draft(foreign))).codes == ["NOT_FOUND"]
    assert (await me.run(PREVIEW, divisionId=division)).codes == ["NOT_FOUND"]
    assert (await Email.get(id=email.id)).state is EmailState.QUEUED and sent_jobs == []


async def test_a_contact_of_a_division_out_of_scope_gets_no_mail() -> None:
    project = await firm()
    mine, other = await make_division(project), await make_division(project)
    contact = await make_contact(project, division=other, email="info@zakaznik.cz")
    me = as_employee(await make_employee(project, ["SALES_REP"], divisions=[mine]))

    answer = await me.run(SEND, input=draft(contact))

    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]
    assert await Email.all().count() == 0

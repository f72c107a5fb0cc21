"""Mail leaves under the firm's address, and its author sees what became of it."""

from typing import Any

from app.integrations.mail_catcher import CaughtMail
from tests.e2e.client import Client
from tests.e2e.firm import ADDRESS, DIVISIONS, FROM, NAME, Firm

ON_ITS_WAY = ["QUEUED", "SENDING", "SENT"]
EMAIL = "query ($id: ID!) { email(id: $id) { id state fromName replyTo via } }"


async def test_a_mail_leaves_under_the_projects_address(firm: Firm) -> None:
    client = firm.holder_of("SALES_REP").client
    contact = await firm.add_contact("Zákazník", email="zakaznik@example.cz")

    email, states = await sent(client, contactId=contact, subject="Nabídka č. 1", text="Dobrý den,\nzde je.")

    (mail,) = firm.divize.mails.to("zakaznik@example.cz")
    assert (mail.from_, mail.sender, mail.recipients) == (FROM, ADDRESS, ["zakaznik@example.cz"])
    assert (mail.subject, mail.text.rstrip()) == ("Nabídka č. 1", "Dobrý den,\nzde je.")
    assert (header(mail, "Message-ID"), header(mail, "Reply-To")) == (email["messageId"], None)
    assert (email["state"], email["fromAddress"]) == ("QUEUED", ADDRESS)
    # A state may be told twice, and one that was soon over not at all.
    told = [ON_ITS_WAY.index(each["state"]) for each in states]
    assert told == sorted(told)
    assert states[-1]["state"] == "SENT" and states[-1]["sentAt"] is not None
    assert [each["state"] for each in states[-1]["recipients"]] == ["SENT"]


async def test_personal_mail_carries_its_authors_name_and_answers_go_to_him(firm: Firm) -> None:
    person = firm.holder_of("SALES_REP")
    contact = await firm.add_contact("Známý", email="znamy@example.cz")

    email, _ = await sent(person.client, contactId=contact, subject="Oběd", text="Ve 12?", personal=True)

    (mail,) = firm.divize.mails.to("znamy@example.cz")
    assert mail.from_ == f"{person.name} <{ADDRESS}>"
    assert (header(mail, "Reply-To"), header(mail, "Message-ID")) == (person.email, email["messageId"])
    assert (await client_email(person.client, email["id"]))["replyTo"] == person.email


async def test_mail_to_a_contact_of_a_division_leaves_under_the_divisions_address(firm: Firm) -> None:
    client = firm.holder_of("SALES_REP").client
    division = firm.divisions["B2B"]
    contact = await firm.add_contact("Velký", email="velky@example.cz", divisionId=division)

    previews = [await client.ask("Sender", divisionId=each) for each in (None, division)]
    await sent(client, contactId=contact, subject="Rámcová smlouva", text="Zde je.")

    (mail,) = firm.divize.mails.to("velky@example.cz")
    assert (mail.from_, mail.sender) == (f"B2B <{DIVISIONS['B2B']}>", DIVISIONS["B2B"])
    assert previews == [
        {"address": ADDRESS, "displayName": NAME, "replyTo": None, "via": "RELAY"},
        {"address": DIVISIONS["B2B"], "displayName": "B2B", "replyTo": None, "via": "RELAY"},
    ]


async def sent(client: Client, **values: Any) -> tuple[Any, list[Any]]:
    """The mail as it was queued, and what its subscription told until it ended."""
    payload = await client.do("Send", **values)
    async with client.socket() as socket:
        stream = await socket.subscribe("EmailStatus", emailId=payload["email"]["id"])
        return payload["email"], await stream.rest()


async def client_email(client: Client, email_id: str) -> Any:
    answer = await client.query(EMAIL, id=email_id)
    assert answer.errors == []
    return answer.data["email"]


def header(mail: CaughtMail, name: str) -> str | None:
    return dict(mail.headers).get(name)

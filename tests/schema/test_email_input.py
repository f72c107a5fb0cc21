"""What people type into a mail: everything is refused at its place, or is harmless."""

import asyncio
from typing import Any

import pytest

from app.models import Email, Employee
from app.services import emails
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import Client, SentJob, as_role, gid
from tests.schema.test_emails import CANCEL, SEND

NONE = object()


@pytest.fixture
async def me() -> Client:
    return await as_role("SALES_REP", project=await make_project(email="info@firma.cz")).sign_in()


async def draft(me: Client, **values: Any) -> dict[str, Any]:
    assert me.employee is not None
    contact = await make_contact(await me.employee.project, email="info@zakaznik.cz")
    given = {"contactId": contact, "subject": "Nabídka", "text": "Dobrý den", **values}
    return {name: value for name, value in given.items() if value is not NONE}


@pytest.mark.parametrize(
    ("values", "path", "code"),
    [
        ({"subject": ""}, "subject", "REQUIRED"),
        ({"subject": "   "}, "subject", "REQUIRED"),
        ({"subject": "x" * 10_000}, "subject", "TOO_LONG"),
        ({"subject": "a\r\nBcc: x@y.cz"}, "subject", "INVALID"),
        ({"subject": "a\nb"}, "subject", "INVALID"),
        ({"subject": "a\rb"}, "subject", "INVALID"),
        ({"subject": "a\x00b"}, "subject", "INVALID"),
        ({"subject": "a\u2028b"}, "subject", "INVALID"),
        ({"subject": "a\u202eb"}, "subject", "INVALID"),
        ({"text": ""}, "text", "REQUIRED"),
        ({"text": "x" * 100_001}, "text", "TOO_LONG"),
        ({"text": "a\x00b"}, "text", "INVALID"),
        ({"html": "<p>\x08</p>"}, "html", "INVALID"),
        ({"html": "x" * 100_001}, "html", "TOO_LONG"),
        ({"to": []}, "to", "TOO_SHORT"),
        ({"to": [f"a{n}@x.cz" for n in range(51)]}, "to", "TOO_LONG"),
        ({"to": [f"a{n}@x.cz" for n in range(2_000)]}, "to", "TOO_LONG"),
        ({"to": [""]}, "to.0", "REQUIRED"),
        ({"to": ["a@x.cz", "nikdo"]}, "to.1", "INVALID"),
        ({"to": ["a@x.cz> SIZE=1"]}, "to.0", "INVALID"),
        ({"to": ["a@x.cz, b@y.cz"]}, "to.0", "INVALID"),
        ({"to": ["a@x.cz; b@y.cz"]}, "to.0", "INVALID"),
        ({"to": ['"a b"@x.cz']}, "to.0", "INVALID"),
        ({"to": ["Jana <a@x.cz>"]}, "to.0", "INVALID"),
        ({"to": ["lidé: a@x.cz, b@x.cz;"]}, "to.0", "INVALID"),
        ({"to": ["a@x.cz\r\nBcc: b@y.cz"]}, "to.0", "INVALID"),
        ({"to": ["a@x.cz\x00"]}, "to.0", "INVALID"),
        ({"to": ["a\u2028@x.cz"]}, "to.0", "INVALID"),
        ({"to": ["a@[127.0.0.1]"]}, "to.0", "INVALID"),
        ({"to": ["a@x.cz%0ARCPT TO:<b@y.cz>"]}, "to.0", "INVALID"),
        ({"to": ["x" * 10_000 + "@x.cz"]}, "to.0", "INVALID"),
    ],
)
async def test_what_cannot_be_sent_is_refused_at_its_place(
    me: Client, sent_jobs: list[SentJob], values: dict[str, Any], path: str, code: str
) -> None:
    answer = await me.run(SEND, input=await draft(me, **values))

    faults = answer.faults("emailSend")
    assert faults[0][0] == f"input.{path}" and faults[0][1] in (code, "TOO_LONG")
    assert answer.data["emailSend"]["email"] is None
    assert await Email.all().count() == 0 and sent_jobs == []


async def test_all_faults_are_told_at_once(me: Client) -> None:
    answer = await me.run(SEND, input=await draft(me, subject="", text="", to=["a", "b@x.cz", "c"]))

    assert sorted(path for path, _ in answer.faults("emailSend")) == [
        "input.subject",
        "input.text",
        "input.to.0",
        "input.to.2",
    ]


async def test_a_contact_without_an_address_needs_one_in_the_mail(me: Client) -> None:
    assert me.employee is not None
    bare = await make_contact(await me.employee.project)

    answer = await me.run(SEND, input=await draft(me, contactId=bare))

    assert answer.faults("emailSend") == [("input.to", "REQUIRED")]


@pytest.mark.parametrize(
    "values",
    [
        {"subject": NONE},
        {"text": NONE},
        {"contactId": NONE},
        {"subject": None},
        {"subject": 5},
        {"to": 5},
        {"to": [None]},
        {"area": "NIC"},
        {"personal": "ano"},
        {"fromAddress": "sef@firma.cz"},
        {"replyTo": "sef@firma.cz"},
        {"messageId": "<x@y>"},
    ],
)
async def test_what_the_schema_does_not_know_is_a_coded_error(
    me: Client, sent_jobs: list[SentJob], values: dict[str, Any]
) -> None:
    answer = await me.run(SEND, input=await draft(me, **values))

    assert answer.codes == ["BAD_USER_INPUT"]
    assert await Email.all().count() == 0 and sent_jobs == []


@pytest.mark.parametrize("given", ["", "x", "Q29udGFjdDox", "\x00", "a" * 10_000, "💥"])
async def test_a_malformed_id_names_no_contact(me: Client, given: str) -> None:
    answer = await me.run(SEND, input=await draft(me, contactId=given))

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]


async def test_the_id_of_another_type_names_no_contact_and_no_mail(me: Client) -> None:
    assert me.employee is not None
    employee = gid(await make_employee(await me.employee.project))

    assert (await me.run(SEND, input=await draft(me, contactId=employee))).codes == ["BAD_USER_INPUT"]
    assert (await me.run(CANCEL, input={"id": employee})).codes == ["BAD_USER_INPUT"]


async def test_markup_and_templates_in_a_mail_stay_as_they_were_written(me: Client) -> None:
    wild = "{{7*7}} {% for x in y %} ${link} <script>alert(1)</script>\n.\n"

    answer = await me.run(SEND, input=await draft(me, subject="{{token}} =cmd", text=wild))

    sent = answer.data["emailSend"]["email"]
    assert (sent["subject"], sent["text"]) == ("{{token}} =cmd", wild.rstrip("\n"))


async def test_many_single_mails_a_day_are_bulk_mail_and_need_its_flag(
    me: Client, monkeypatch: pytest.MonkeyPatch, sent_jobs: list[SentJob]
) -> None:
    monkeypatch.setattr(emails, "MOST_RECIPIENTS_A_DAY", 3)
    two, input_ = ["a@x.cz", "b@x.cz"], await draft(me)
    assert (await me.run(SEND, input={**input_, "to": two})).faults("emailSend") == []

    refused = await me.run(SEND, input={**input_, "to": two})
    assert refused.codes == ["RATE_LIMITED"] and len(sent_jobs) == await Email.all().count() == 1

    assert me.employee is not None
    await Employee.filter(id=me.employee.id).update(can_send_bulk_email=True)
    assert (await me.run(SEND, input={**input_, "to": two})).faults("emailSend") == []


async def test_mails_sent_at_once_are_counted_one_after_the_other(
    me: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MOST_RECIPIENTS_A_DAY", 3)
    input_ = await draft(me)

    answers = await asyncio.gather(*(me.run(SEND, input={**input_, "to": ["a@x.cz"]}) for _ in range(8)))

    assert await Email.all().count() == 3
    assert [code for answer in answers for code in answer.codes] == ["RATE_LIMITED"] * 5

"""What is no good input for a contact: told with its place, or coded, and nothing is written."""

from typing import Any

import pytest

from app.models import Contact, Employee, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import (
    SentJob,
    as_employee,
    code_of_id,
    gid,
)
from tests.schema.contact_cases import (
    CREATE,
    DELETE,
    LONG,
    NOT_ON_ONE_LINE,
    UPDATE,
    everything,
)

WRONG: dict[str, list[tuple[Any, str]]] = {
    "name": [("", "REQUIRED"), (" \u00a0\u200b", "REQUIRED"), (LONG, "TOO_LONG"), ("x" * 201, "TOO_LONG")],
    "ico": [("27082441", "INVALID"), ("123456789", "INVALID"), ("abc", "INVALID"), (LONG, "TOO_LONG")],
    "vatId": [("CZ123", "INVALID"), ("27082440", "INVALID"), (LONG, "TOO_LONG")],
    "email": [
        ("jan", "INVALID"),
        ("a@x.cz, b@y.cz", "INVALID"),
        ("a@x.cz> SIZE=1", "INVALID"),
        ('"a b"@x.cz', "INVALID"),
        (f"{'a' * 300}@x.cz", "INVALID"),
        (LONG, "TOO_LONG"),
    ],
    "phone": [("12", "INVALID"), ("777 123 456 linka 5", "INVALID"), ("+42077712345678", "INVALID")],
    "web": [
        ("javascript:alert(1)", "INVALID"),
        ("ftp://x.cz", "INVALID"),
        ("https://jan:heslo@x.cz", "INVALID"),
        ("https://x.cz/" + "a" * 500, "TOO_LONG"),
        (LONG, "TOO_LONG"),
    ],
    "bankAccount": [("19-2000145398/0800", "INVALID"), ("CZ00", "INVALID"), (LONG, "TOO_LONG")],
    "priceLevel": [("x" * 51, "TOO_LONG")],
    "internalRating": [(0, "OUT_OF_RANGE"), (-1, "OUT_OF_RANGE"), (6, "OUT_OF_RANGE")],
}
WRONG_ADDRESS: dict[str, list[tuple[Any, str]]] = {
    "street": [(LONG, "TOO_LONG"), ("a\u2028b", "INVALID")],
    "city": [("x" * 101, "TOO_LONG"), ("a\x00b", "INVALID")],
    "postalCode": [("14000/1", "INVALID"), (LONG, "TOO_LONG")],
    "country": [("Czechia", "INVALID"), ("XX", "INVALID")],
}
WRONG_MONEY: list[tuple[Any, str, str]] = [
    ({"amount": ""}, "amount", "REQUIRED"),
    ({"amount": "12,5"}, "amount", "INVALID"),
    ({"amount": "1.005"}, "amount", "INVALID"),
    ({"amount": "1e3"}, "amount", "INVALID"),
    ({"amount": "NaN"}, "amount", "INVALID"),
    ({"amount": "-0.01"}, "amount", "OUT_OF_RANGE"),
    ({"amount": "10000000000000.01"}, "amount", "OUT_OF_RANGE"),
    ({"amount": LONG}, "amount", "INVALID"),
    ({"amount": "1", "currency": "EUR"}, "currency", "INVALID"),
]
MALFORMED: list[Any] = [
    None,
    "contact",
    [],
    {},
    {"name": None},
    {"name": 5},
    {"name": ["Novák"]},
    {"name": "Novák", "status": "RICH"},
    {"name": "Novák", "status": "lead"},
    {"name": "Novák", "internalRating": 1.5},
    {"name": "Novák", "internalRating": "3"},
    {"name": "Novák", "internalRating": 2**40},
    {"name": "Novák", "address": "Brno"},
    {"name": "Novák", "address": {"town": "Brno"}},
    {"name": "Novák", "creditLimit": 5},
    {"name": "Novák", "creditLimit": {"amount": 5}},
    {"name": "Novák", "persons": [{"position": "účetní"}]},
    {"name": "Novák", "persons": [None]},
    {"name": "Novák", "ownerId": {"eq": "x"}},
    {"name": "Novák", "idempotencyKey": ""},
    {"name": "Novák", "idempotencyKey": "x" * 201},
    {"name": "Novák", "idempotencyKey": "a\nb"},
    *[
        {"name": "Novák", field: "x"}
        for field in ("id", "projectId", "createdBy", "createdById", "version", "roles")
    ],
]


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


def cases() -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """(path, code) → the fields that are wrong; each with its value in words for a message."""
    found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    lines = {
        field: [(value, "INVALID") for value in NOT_ON_ONE_LINE]
        for field in WRONG
        if field != "internalRating"
    }
    for field, values in [*WRONG.items(), *lines.items()]:
        for value, code in values:
            found[field, repr(value)[:40]] = (f"input.{field} {code}", {field: value})
    for field, values in WRONG_ADDRESS.items():
        for value, code in values:
            found[field, repr(value)[:40]] = (f"input.address.{field} {code}", {"address": {field: value}})
    for money, field, code in WRONG_MONEY:
        found[field, repr(money)[:40]] = (f"input.creditLimit.{field} {code}", {"creditLimit": money})
    return found


@pytest.mark.parametrize("mutation", ["contactCreate", "contactUpdate"])
async def test_what_was_typed_wrong_is_told_with_its_place(
    rep: Employee, project: Project, sent_jobs: list[SentJob], rings: list[str], mutation: str
) -> None:
    contact, client = await make_contact(project), as_employee(rep)
    base: dict[str, Any] = {"name": "Novák"} if mutation == "contactCreate" else {"id": contact}
    document = CREATE if mutation == "contactCreate" else UPDATE
    before, wrong = await everything(), {}

    for case, (expected, sent) in cases().items():
        answer = await client.run(document, input={**base, **sent})
        told = [f"{path} {code}" for path, code in answer.faults(mutation)]
        if told != [expected] or answer.data[mutation]["contact"] is not None:
            wrong[case] = told

    assert wrong == {}
    assert await everything() == before and sent_jobs == [] and rings == []


async def test_a_name_and_a_status_cannot_be_cleared(rep: Employee, project: Project) -> None:
    contact = await make_contact(project)

    answer = await as_employee(rep).run(UPDATE, input={"id": contact, "name": None, "status": None})

    assert answer.faults("contactUpdate") == [("input.name", "REQUIRED"), ("input.status", "REQUIRED")]


async def test_all_faults_are_told_at_once_with_a_sentence(rep: Employee) -> None:
    answer = await as_employee(rep).run(CREATE, input={"name": "", "ico": "2", "address": {"country": "QQ"}})

    assert answer.faults("contactCreate") == [
        ("input.name", "REQUIRED"),
        ("input.ico", "INVALID"),
        ("input.address.country", "INVALID"),
    ]
    messages = [error["message"] for error in answer.data["contactCreate"]["errors"]]
    assert all(message.endswith(".") for message in messages) and "“2”" in messages[1]


async def test_fifty_persons_come_with_a_contact_and_no_more(rep: Employee) -> None:
    fifty = [{"name": f"Osoba {number}"} for number in range(50)]

    refused = await as_employee(rep).run(
        CREATE, input={"name": "Moc", "persons": [*fifty, {"name": "Navíc"}]}
    )
    accepted = await as_employee(rep).run(CREATE, input={"name": "Dost", "persons": fifty})

    assert refused.faults("contactCreate") == [("input.persons", "TOO_LONG")]
    assert len(accepted.data["contactCreate"]["contact"]["persons"]) == 50
    assert await Contact.all().count() == 1


async def test_a_malformed_request_is_a_coded_error(rep: Employee, project: Project) -> None:
    contact, client = await make_contact(project), as_employee(rep)
    before, wrong = await everything(), []

    for sent in MALFORMED:
        answer = await client.run(CREATE, input=sent)
        if set(answer.codes) != {"BAD_USER_INPUT"} or (answer.data is not None and any(answer.data.values())):
            wrong.append((sent, answer))
    for sent in ({"id": None}, {"id": ["x"]}, {"id": contact, "expectedVersion": "1"}, {"name": "Novák"}):
        answer = await client.run(UPDATE, input=sent)
        if set(answer.codes) != {"BAD_USER_INPUT"}:
            wrong.append((sent, answer))

    assert wrong == []
    assert await everything() == before


@pytest.mark.parametrize("mutation", ["contactUpdate", "contactDelete"])
async def test_an_id_that_names_nothing_is_not_found(
    project: Project, sent_jobs: list[SentJob], mutation: str
) -> None:
    client = as_employee(await make_employee(project, [Role.ADMIN]))
    gone, foreign = await make_contact(project), await make_contact(await make_project())
    employee = await make_employee(project)
    await gone.delete()
    number = str(foreign.id)
    ids = [gid(gone), gid(foreign), gid(employee), number, "", "%%%", "Q29udGFjdDo=", "\x00", LONG, "7"]
    document = UPDATE if mutation == "contactUpdate" else DELETE
    before = await everything()

    answers = [await client.run(document, input={"id": each}) for each in ids]

    assert [answer.codes for answer in answers] == [[code_of_id(each, "Contact")] for each in ids]
    assert all(answer.data in (None, {mutation: None}) for answer in answers)
    assert await everything() == before and sent_jobs == []


async def test_dangerous_text_is_kept_as_text(rep: Employee) -> None:
    """What is inert text goes in and out unchanged, and never reaches the database as SQL."""
    texts = [
        "=cmd|'/c calc'!A1",
        "<script>alert(1)</script>",
        "{{token}}",
        "Robert'); DROP TABLE contacts;--",
        "100 %_\\",
    ]

    for each in texts:
        answer = await as_employee(rep).run(CREATE, input={"name": each, "priceLevel": each})
        assert answer.faults("contactCreate") == []
        contact = answer.data["contactCreate"]["contact"]
        assert (contact["name"], contact["priceLevel"]) == (each, each)

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from app import formats
from app.errors import Fault, FaultCode, Invalid
from app.validation import check, choice, fields, flag, items, line, moment, nullable, of, text, whole


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


RULES = {
    "name": line(10),
    "note": nullable(text(20)),
    "ico": nullable(of(formats.ico)),
    "interval": nullable(whole(1, 1440)),
    "colour": choice(Colour),
    "due_at": moment(),
    "emails": items(of(formats.email_address), 3),
    "address": nullable(fields({"street": nullable(line(50)), "city": line(5)}, required=("city",))),
    "agreed": flag,
}


def faults_of(changes: dict[str, object], **options: Any) -> list[tuple[str, tuple[str, ...]]]:
    with pytest.raises(Invalid) as refusal:
        check(changes, RULES, **options)
    assert all(fault.message.endswith(".") for fault in refusal.value.faults)
    return [(str(fault.code), fault.path) for fault in refusal.value.faults]


def test_clean_values_come_back_in_the_form_we_store() -> None:
    prague = timezone(timedelta(hours=1))

    clean = check(
        {
            "name": " C\u030capek ",
            "note": "a\r\nb",
            "ico": "177041",
            "interval": 5,
            "colour": "BLUE",
            "due_at": datetime(2026, 11, 24, 9, 0, tzinfo=prague),
            "emails": ["a@X.cz"],
            "address": {"city": "Brno"},
            "agreed": True,
        },
        RULES,
        required=("name", "agreed"),
    )

    assert clean == {
        "name": "Čapek",
        "note": "a\nb",
        "ico": "00177041",
        "interval": 5,
        "colour": Colour.BLUE,
        "due_at": datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
        "emails": ["a@x.cz"],
        "address": {"city": "Brno"},
        "agreed": True,
    }


def test_what_was_not_sent_is_not_in_the_answer() -> None:
    assert check({}, RULES) == {}


@pytest.mark.parametrize("blank", [None, "", "  \u00a0", "\t\r\n", "\u200b", "\U000e0041"])
def test_nothing_in_a_nullable_field_is_none(blank: str | None) -> None:
    assert check({"note": blank, "ico": blank, "interval": blank, "address": blank}, RULES) == {
        "note": None,
        "ico": None,
        "interval": None,
        "address": None,
    }


def test_all_faults_come_at_once_in_the_order_of_the_rules() -> None:
    changes: dict[str, object] = {
        "emails": ["a@x.cz", "nobody", "b@x.cz,"],
        "address": {"street": "a\nb", "city": "Olomouc"},
        "ico": "12345678",
        "interval": 0,
    }

    assert faults_of(changes, required=("name", "colour")) == [
        ("REQUIRED", ("name",)),
        ("INVALID", ("ico",)),
        ("OUT_OF_RANGE", ("interval",)),
        ("REQUIRED", ("colour",)),
        ("INVALID", ("emails", "1")),
        ("INVALID", ("emails", "2")),
        ("INVALID", ("address", "street")),
        ("TOO_LONG", ("address", "city")),
    ]


@pytest.mark.parametrize("blank", [None, "", " ", "\u200b", "\n", "\U000e0041"])
def test_a_required_field_cannot_be_emptied(blank: str | None) -> None:
    assert faults_of({"name": blank}) == [("REQUIRED", ("name",))]
    assert faults_of({"name": blank}, required=("name",)) == [("REQUIRED", ("name",))]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "x" * 11, "TOO_LONG"),
        ("name", "a\r\nb", "INVALID"),
        ("name", 5, "INVALID"),
        ("interval", 1441, "OUT_OF_RANGE"),
        ("interval", -1, "OUT_OF_RANGE"),
        ("interval", 10**400, "OUT_OF_RANGE"),
        ("interval", 1.5, "INVALID"),
        ("interval", True, "INVALID"),
        ("interval", "5", "INVALID"),
        ("colour", "GREEN", "INVALID"),
        ("colour", "\x00", "INVALID"),
        ("due_at", datetime(2026, 1, 1), "INVALID"),
        ("due_at", datetime(1999, 12, 31, tzinfo=UTC), "OUT_OF_RANGE"),
        ("due_at", datetime(2101, 1, 1, tzinfo=UTC), "OUT_OF_RANGE"),
        ("due_at", datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), "OUT_OF_RANGE"),
        ("due_at", "2026-01-01", "INVALID"),
        ("due_at", None, "REQUIRED"),
        ("emails", "a@x.cz", "INVALID"),
        ("emails", ["a@x.cz"] * 4, "TOO_LONG"),
        ("address", "Brno", "INVALID"),
        ("agreed", 1, "INVALID"),
        ("agreed", None, "REQUIRED"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(field: str, value: object, code: str) -> None:
    assert faults_of({field: value}) == [(code, (field,))]


def test_a_missing_field_of_a_nested_input_has_its_path() -> None:
    assert faults_of({"address": {"street": "Duhová 1"}}) == [("REQUIRED", ("address", "city"))]


def test_too_short_says_how_much_is_needed() -> None:
    with pytest.raises(Invalid) as refusal:
        check({"q": "a"}, {"q": line(100, min_length=2)})

    assert refusal.value.faults == (
        Fault("“a” is too short. Write 2 characters.", FaultCode.TOO_SHORT, ("q",)),
    )


def test_a_list_can_be_required_to_have_items() -> None:
    with pytest.raises(Invalid) as refusal:
        check({"to": []}, {"to": items(line(5), 3, min_items=1)})

    assert [fault.code for fault in refusal.value.faults] == [FaultCode.TOO_SHORT]


def test_a_choice_can_be_narrowed() -> None:
    rules = {"colour": choice(Colour, among=[Colour.RED])}

    assert check({"colour": Colour.RED}, rules) == {"colour": Colour.RED}
    with pytest.raises(Invalid, match="Choose one of RED"):
        check({"colour": Colour.BLUE}, rules)


@pytest.mark.parametrize(("changes", "required"), [({"nmae": "x"}, ()), ({}, ("nmae",))])
def test_a_field_without_a_rule_is_a_mistake_of_the_program(
    changes: dict[str, object], required: tuple[str, ...]
) -> None:
    with pytest.raises(KeyError, match="nmae"):
        check(changes, RULES, required=required)

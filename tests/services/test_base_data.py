"""What a division inherits of its project's base data."""

from typing import Any

import pytest

from app.models import Division, Project
from app.services.base_data import base_data, columns

PROJECT = {
    "email": "info@firma.cz",
    "ico": "25596641",
    "vat_id": "CZ25596641",
    "legal_form": "s.r.o.",
    "street": "Dlouhá 1",
    "city": "Brno",
    "postal_code": "60200",
    "country": "CZ",
}


def resolved(**own: Any) -> dict[str, Any]:
    project = Project(name="Firma", sort_key="firma", **PROJECT)
    data = base_data(project, Division(name="B2B", sort_key="b2b", **own))
    return {name: getattr(data, name) for name in PROJECT}


@pytest.mark.parametrize(
    ("own", "differs"),
    [
        ({}, {}),
        ({"email": "b2b@firma.cz"}, {"email": "b2b@firma.cz"}),
        ({"legal_form": "odštěpný závod"}, {"legal_form": "odštěpný závod"}),
        ({"vat_id": "CZ699001182"}, {"vat_id": "CZ699001182"}),
        ({"ico": "27082440"}, {"ico": "27082440", "vat_id": None, "legal_form": None}),
        (
            {"ico": "27082440", "vat_id": "CZ27082440"},
            {"ico": "27082440", "vat_id": "CZ27082440", "legal_form": None},
        ),
        ({"city": "Praha"}, {"street": None, "city": "Praha", "postal_code": None, "country": None}),
        ({"country": "SK"}, {"street": None, "city": None, "postal_code": None, "country": "SK"}),
    ],
)
def test_a_division_inherits_what_it_does_not_set(own: dict[str, Any], differs: dict[str, Any]) -> None:
    assert resolved(**own) == PROJECT | differs


def test_a_project_has_its_own() -> None:
    data = base_data(Project(name="Firma", sort_key="firma", **PROJECT))

    assert {name: getattr(data, name) for name in PROJECT} == PROJECT


def test_an_address_of_none_empties_its_parts_and_a_part_alone_leaves_the_others() -> None:
    assert columns({"ico": "1", "address": None}) == {
        "ico": "1",
        "street": None,
        "city": None,
        "postal_code": None,
        "country": None,
    }
    assert columns({"address": {"city": "Brno"}}) == {"city": "Brno"}

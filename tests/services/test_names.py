"""What anybody or anything is called can be read, whichever mutation it is typed into."""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from app import services
from app.errors import FaultCode, Invalid
from app.validation import Rule, check


def rules_of_names() -> Iterator[tuple[str, Rule]]:
    """Every rule of a service for a field `name`, and of what a campaign is called."""
    for module in pkgutil.iter_modules(services.__path__):
        for where, rules in _rules_in(import_module(f"app.services.{module.name}")):
            for field in ("name", "campaign"):
                if callable(rules.get(field)):
                    yield f"{module.name}.{where}", rules[field]


def _rules_in(service: ModuleType) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Constants, and what is made of a country."""
    for constant, rules in vars(service).items():
        if constant.isupper() and isinstance(rules, Mapping):
            yield constant, rules
    if hasattr(service, "rules"):
        yield "rules", service.rules("CZ")


RULES = dict(rules_of_names())


@pytest.mark.parametrize("where", RULES)
def test_a_name_has_a_letter_or_digit_that_can_be_seen(where: str) -> None:
    codes = {
        "\U000e0041\U000e0042": FaultCode.REQUIRED,
        "\t\r\n": FaultCode.REQUIRED,
        "🍕": FaultCode.INVALID,
        "-": FaultCode.INVALID,
        "Jan\tNovák": FaultCode.INVALID,
    }
    assert {value: refused(RULES[where], value) for value in codes} == codes
    assert check({"name": "\tNovák\r\n"}, {"name": RULES[where]}) == {"name": "Novák"}


def refused(rule: Rule, value: Any) -> FaultCode:
    with pytest.raises(Invalid) as refusal:
        check({"name": value}, {"name": rule})
    (fault,) = refusal.value.faults
    return fault.code


def test_no_service_is_forgotten() -> None:
    """Those of divisions are in `base_data`."""
    named = {where.partition(".")[0] for where in RULES}

    assert named >= {"accounts", "base_data", "contacts", "employees", "hiring", "lead_shares", "partners"}
    assert named >= {"persons", "projects", "proposals"}

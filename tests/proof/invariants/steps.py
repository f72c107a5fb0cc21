"""One thing that somebody does, as a value that can be played again; and random ones, made from the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from app.engine.guards import guard_of
from app.policy import Level
from app.schema import build
from tests.differential.dice import Dice
from tests.proof.invariants.people import ADMINS, INVITED_ADMIN, humans
from tests.proof.invariants.values import Values

#: So many bytes of chance make one step.
TAPE = 200
#: How often each does something.
ACTS = {
    "anna": 12,
    "adam": 8,
    "dita": 18,
    "dan": 10,
    "rudolf": 8,
    "tereza": 5,
    "kamila": 4,
    "ema": 6,
    "ester": 6,
    "cyril": 7,
    "zdenek": 2,
    "lea": 2,
    "iva": 5,
    "ivan": 5,
    "mallory": 4,
}
USUALLY = 4
OFTEN = {
    "employeeUpdate": 20,
    "employeeInvite": 8,
    "employeeReactivate": 8,
    "employeeDeactivate": 5,
    "contactDelete": 8,
    "contactUpdate": 6,
    "contactCreate": 6,
    "invitationAccept": 10,
    "passwordResetRequest": 6,
    "passwordReset": 6,
    "emailChangeRequest": 5,
    "emailChange": 5,
    "projectDelete": 3,
    "projectCreate": 1,
    "signOut": 1,
    "divisionArchive": 2,
}
#: Shown of a payload besides its errors.
SHOWN = {"session": "session { token }"}


@dataclass(frozen=True)
class Step:
    """`who` sends `mutation`; `session`: his present one, an `old` one, or `none` at all."""

    who: str
    mutation: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    session: str = "present"

    def __str__(self) -> str:
        session = "" if self.session == "present" else f" ({self.session} session)"
        sent = ", ".join(f"{name}: {value}" for name, value in self.variables.items())
        return f"{self.who}{session}: {self.mutation}({sent})"


@cache
def mutations() -> Mapping[str, GraphQLField]:
    """Every mutation of the schema."""
    root = build()._schema.mutation_type
    assert root is not None
    fields: Mapping[str, GraphQLField] = root.fields
    return fields


@cache
def document_of(mutation: str) -> str:
    """Sends an input, if the mutation has one, and asks for the errors and for a token."""
    definition = mutations()[mutation]
    payload = get_named_type(definition.type)
    assert isinstance(payload, GraphQLObjectType)
    shown = " ".join(text for name, text in SHOWN.items() if name in payload.fields)
    body = f"{{ errors {{ code path message }} {shown} }}"
    if "input" not in definition.args:
        return f"mutation {{ {mutation} {body} }}"
    return f"mutation ($input: {definition.args['input'].type}) {{ {mutation}(input: $input) {body} }}"


def needs_nobody(mutation: str) -> bool:
    """Whether a stranger may send it."""
    return guard_of(mutations()[mutation]) is Level.ANONYMOUS


def random_step(tape: bytes, *, with_admins: bool = True) -> Step:
    """The step that these bytes mean. Without admins the firm's never do anything, nor does who is invited as one."""
    dice = Dice(tape)
    resting = () if with_admins else (*ADMINS, INVITED_ADMIN)
    who = dice.weighted([(many, name) for name, many in ACTS.items() if name not in resting])
    mutation = dice.weighted([(OFTEN.get(name, USUALLY), name) for name in _known(mutations())])
    session = dice.weighted(((94, "present"), (3, "old"), (3, "none")))
    definition = mutations()[mutation]
    if "input" not in definition.args:
        return Step(who, mutation, {}, session)
    input_type: Any = get_named_type(definition.args["input"].type)
    return Step(who, mutation, Values(dice, humans()[who], mutation).input(input_type), session)


def _known(fields: Mapping[str, GraphQLField]) -> Sequence[str]:
    """In an order of their own, so that one more mutation moves as few of the others as can be."""
    return sorted(fields)


def plan(tapes: Sequence[bytes], *, with_admins: bool = True) -> list[Step]:
    return [random_step(tape, with_admins=with_admins) for tape in tapes]

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
#: Who may do what begins so, to begin with; most often it is one of them who does.
MANAGED = ("employee", "division", "projectUpdate", "projectDelete", "address", "leadShare", "partner")
MANAGERS = ("anna", "adam", "dita", "dan", "cyril")
#: Of a hundred steps so many are by whom, or of what, the run makes a habit of.
HABITUALLY = 40
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


def random_step(tape: bytes, habits: "Habits") -> Step:
    """The step that these bytes mean."""
    dice = Dice(tape)
    share = 100 if habits.always else HABITUALLY
    mutation = dice.one(habits.mutations) if dice.chance(share) else _one_of_all(dice)
    who = dice.one(habits.people) if dice.chance(share) else _somebody_for(mutation, dice, habits)
    session = dice.weighted(((94, "present"), (3, "old"), (3, "none")))
    definition = mutations()[mutation]
    if "input" not in definition.args:
        return Step(who, mutation, {}, session)
    input_type: Any = get_named_type(definition.args["input"].type)
    return Step(who, mutation, Values(dice, humans()[who], mutation).input(input_type), session)


def _somebody_for(mutation: str, dice: Dice, habits: "Habits") -> str:
    among = MANAGERS if mutation.startswith(MANAGED) and dice.chance(65) else tuple(ACTS)
    return dice.weighted([(ACTS[name], name) for name in among if name not in habits.resting])


def _one_of_all(dice: Dice) -> str:
    return dice.weighted([(OFTEN.get(name, USUALLY), name) for name in sorted(mutations())])


@dataclass(frozen=True)
class Habits:
    """Who does most in a run, and what: by pure chance nobody deletes four contacts, or demotes two admins."""

    people: Sequence[str]
    mutations: Sequence[str]
    resting: Sequence[str]
    always: bool = False

    @classmethod
    def by(cls, tape: bytes, *, with_admins: bool) -> "Habits":
        """Without admins the firm's never do anything, nor does who is invited as one."""
        dice = Dice(tape)
        resting = () if with_admins else (*ADMINS, INVITED_ADMIN)
        awake = [(many, name) for name, many in ACTS.items() if name not in resting]
        people = [dice.weighted(awake) for _ in range(2)]
        return cls(people, [_one_of_all(dice) for _ in range(4)], resting)

"""Checks of what a service decides by the value sent: in which areas somebody records activity, or writes to a contact.

The schema asks for the right to read the area, the service for the right to write it; the row is real, so what is allowed is done (and
taken back).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.ids import global_id
from app.models import Contact
from tests.proof.matrix.contract import Contract as Published
from tests.proof.matrix.contract import required_roles
from tests.proof.matrix.desk import Desk
from tests.proof.matrix.reading import Question
from tests.proof.matrix.truth import Picked
from tests.proof.matrix.verdicts import Verdicts, Wrong

WRITE: Mapping[str, str] = {
    "SALES": "ACTIVITY_SALES_WRITE",
    "SERVICE": "ACTIVITY_SERVICE_WRITE",
    "COMPLAINT": "ACTIVITY_SERVICE_WRITE",
    "BILLING": "ACTIVITY_BILLING_WRITE",
}
SENT: Mapping[str, Mapping[str, Any]] = {
    "activityRecord": {"kind": "CALL", "summary": "x"},
    "emailSend": {"subject": "x", "text": "x", "to": ["zakaznik@example.cz"]},
}


@dataclass(frozen=True)
class Recording:
    """One mutation with one area."""

    mutation: str
    area: str

    size = 1

    async def check(self, desk: Desk, picked: Picked, verdicts: Verdicts) -> None:
        contact = desk.world.the(Contact)
        (question,) = self.questions(desk.contract)
        coordinate, gates, needed = question
        if not all(desk.may(gate) for gate in gates) or not desk.sight.sees(contact):
            return
        is_allowed = desk.may(needed)
        verdicts.note(coordinate, allowed=is_allowed)
        text = (
            f"mutation Matrix($input: {self.mutation[0].upper()}{self.mutation[1:]}Input!) "
            f"{{ {self.mutation}(input: $input) {{ errors {{ code path }} }} }}"
        )
        sent = {
            **SENT[self.mutation],
            "contactId": global_id("Contact", contact.record.id),
            "area": self.area,
        }
        got = await desk.try_out(text, {"input": sent})
        refused = {
            "code": "FORBIDDEN",
            "requiredPermission": needed[0],
            "requiredRoles": required_roles(needed),
        }
        expected: Any = (
            ([], {self.mutation: {"errors": []}}) if is_allowed else ([refused], {self.mutation: None})
        )
        said = [{key: error["extensions"].get(key) for key in refused} for error in got.errors]
        if (said, got.data) != expected:
            verdicts.blame(
                Wrong(
                    str(desk.who),
                    coordinate,
                    text,
                    {"input": sent},
                    str(expected),
                    str((got.data, got.errors)),
                )
            )

    def questions(self, contract: Published) -> Iterator[Question]:
        own, read = contract.own(f"Mutation.{self.mutation}"), contract.own(f"Area.{self.area}")
        gates = tuple(tuple(needed) for needed in (own, read) if needed)
        yield f"Mutation.{self.mutation}(area: {self.area})", gates, (WRITE[self.area],)


def recordings() -> Iterator[Recording]:
    yield from (Recording(mutation, area) for mutation in SENT for area in WRITE)

"""The matrix sees what it is there to see: a guard that is broken on purpose makes wrong answers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from app.engine.inputs import Inputs
from app.models.activities import Activity
from app.models.base import EVERYBODY
from app.models.contacts import Contact
from app.policy import Permission, Viewer
from app.schema.documents import Documents
from tests.databases import Databases
from tests.proof.matrix.catalogue import Probe, probes
from tests.proof.matrix.desk import Desk, open_desk
from tests.proof.matrix.policy_table import Who
from tests.proof.matrix.run import picked
from tests.proof.matrix.verdicts import Verdicts

TECHNICIAN = Who(("SERVICE_TECHNICIAN",), flags=False, partner=False)
EXTERNAL = Who(("EXTERNAL_TELEPHONIST",), flags=False, partner=True)
TELEPHONIST = Who(("TELEPHONIST",), flags=False, partner=False)


def granted(permission: Permission) -> AbstractContextManager[Any]:
    """The right is everybody's, whatever the table says."""
    real = Permission.granted_to

    def always(self: Permission, viewer: Viewer) -> bool:
        return self is permission or real(self, viewer)

    return patch.object(Permission, "granted_to", always)


@contextmanager
def _anything_may_be_sent() -> Iterator[None]:
    with patch.object(Inputs, "_require", lambda self, guard, what: None):
        yield


def seen_by_all(model: Any) -> AbstractContextManager[Any]:
    """The rows of the project are everybody's there."""
    return patch.object(model, "visible_q", classmethod(lambda cls, viewer: EVERYBODY))


LEAKS = [
    pytest.param(TELEPHONIST, "Contact.vatId", granted(Permission.CONTACT_BILLING_READ), id="field"),
    pytest.param(TELEPHONIST, "Mutation.contactDelete", granted(Permission.CONTACT_DELETE), id="mutation"),
    pytest.param(TELEPHONIST, "ContactWhere.vatId", _anything_may_be_sent(), id="filter"),
    pytest.param(TELEPHONIST, "Area.BILLING", _anything_may_be_sent(), id="value of an enum"),
    pytest.param(TECHNICIAN, "Activity.summary", seen_by_all(Activity), id="rows"),
    pytest.param(EXTERNAL, "Contact.name", seen_by_all(Contact), id="rows of others"),
]


@pytest.mark.parametrize(("who", "coordinate", "leak"), LEAKS)
async def test_a_leak_is_seen(
    who: Who, coordinate: str, leak: AbstractContextManager[Any], databases: Databases
) -> None:
    url = await databases.fresh("sqlite")
    async with open_desk(url) as desk:
        about = [probe for probe in probes(desk.roads, desk.contract) if is_about(probe, coordinate, desk)]
        await desk.seat(who)

        before = await verdicts_of(desk, about)
        with leak:
            after = await verdicts_of(desk, about)

    await databases.drop(url)
    assert before.wrong == 0, before.wrongs
    assert after.wrong > 0 and any(coordinate in wrong.coordinate for wrong in after.wrongs)


def is_about(probe: Probe, coordinate: str, desk: Desk) -> bool:
    return any(asked == coordinate for asked, _, _ in probe.questions(desk.contract))


async def verdicts_of(desk: Desk, asked: list[Probe]) -> Verdicts:
    """Each probe with several picks of rows. What was worked out for this viewer before is forgotten."""
    verdicts, chance = Verdicts(), Random(1)
    with (
        patch.object(desk, "documents", {}),
        patch.object(desk.schema, "documents", Documents(desk.schema._schema)),
    ):
        for _ in range(4):
            for probe in asked:
                await probe.check(desk, picked(desk, chance), verdicts)
    return verdicts

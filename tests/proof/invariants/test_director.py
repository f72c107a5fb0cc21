"""A director does whatever he can think of to delete the project, and a director with a puppet tries everything."""

import random
from collections.abc import Iterator, Sequence

import pytest

from tests.proof.invariants import oracle
from tests.proof.invariants.attempts import WAYS, Try, dita, employee
from tests.proof.invariants.picture import Row
from tests.proof.invariants.play import Act, play
from tests.proof.invariants.stage import Stage
from tests.proof.invariants.steps import TAPE, Habits, Step, mutations, random_step
from tests.proof.invariants.watch import Watch
from tests.proof.invariants.words import Mailed, Password, RowOf

#: Nothing that he may do is left out, with so many different inputs each in each of the states.
INPUTS = 3


async def attempted(stage: Stage, watch: Watch, step: Step) -> Act:
    """The step as it was played; nothing may break by it, or by what comes before it."""
    acts: list[Act] = []
    async for change in play(stage, step):
        assert watch.broken(change) == [], [str(act) for act in change.acts]
        acts += change.acts
    return acts[-1]


async def members(stage: Stage) -> list[Row]:
    rows = (await stage.look())["employees"].values()
    return [each for each in rows if each["project_id"] == stage.firm.project_id]


async def admins(stage: Stage) -> dict[str, Row]:
    return {each["name"]: each for each in await members(stage) if oracle.would_be_admin(each)}


@pytest.mark.parametrize("way", WAYS)
async def test_a_director_does_not_come_to_delete_the_project(stage: Stage, way: str) -> None:
    before, watch = set(await admins(stage)), Watch(with_admins=way in OF_THE_INVITED)

    for each in WAYS[way]:
        act = await attempted(stage, watch, each.step)
        assert (act.succeeded, act.codes) == (not each.refused, list(each.refused)), str(act)

    project = (await stage.look())["projects"][stage.firm.project_id]
    assert project["deletion_requested_at"] is None and set(await admins(stage)) == before
    assert stage.firm.humans["dita"].letters("PASSWORD_RESET") == []


#: The invited admin comes himself in the end, and so is changed.
OF_THE_INVITED = ("signs up under the invited admin's address before him",)


async def test_everybody_but_admins_lacks_the_right_whatever_a_director_gives_them(stage: Stage) -> None:
    """Each combination of two roles, with and without a partner, to each colleague and to himself."""
    watch = Watch(with_admins=False)
    roles = ["ADMIN", "DIRECTOR", "SALES_REP", "EXTERNAL_TELEPHONIST", "INVOICER"]
    whom = ["rudolf", "ester", "lea", "zdenek", "ivan", "dita", "cyril"]
    refused = 0

    for name in whom:
        for first, second in ((a, b) for a in roles for b in roles if a <= b):
            for partner in (None, RowOf("Partner")):
                sent = {"id": employee(name), "roles": [first, second], "partnerId": partner}
                act = await attempted(stage, watch, Step("dita", "employeeUpdate", sent))
                refused += not act.succeeded
                assert not (act.succeeded and "ADMIN" in (first, second)), str(act)

    assert refused >= 10 * len(whom)
    assert {each["name"] for each in await members(stage) if oracle.runs_project(each)} == {"anna", "adam"}


STATES = {
    "as it began": (),
    "with a puppet, and the firm's mail his": (
        dita("employeeInvite", name="loutka", email="loutka@mallory.example.cz", roles=["DIRECTOR"]),
        Try(
            Step("mallory", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})
        ),
        dita("projectUpdate", email="dita@dita.example.cz", name="Jiná firma"),
        dita("employeeReactivate", id=employee("lea")),
        dita("employeeUpdate", id=employee("ester"), partnerId=None),
    ),
}


@pytest.mark.parametrize("state", STATES)
async def test_no_mutation_brings_a_director_or_his_puppet_nearer(stage: Stage, state: str) -> None:
    """Every mutation of the schema, with random inputs, by both; each goes on from what the ones before made."""
    watch = Watch(with_admins=False)
    for each in STATES[state]:
        assert (await attempted(stage, watch, each.step)).succeeded

    tried: set[str] = set()
    for step in everything(["dita", "mallory"]):
        act = await attempted(stage, watch, step)
        tried.add(act.step.mutation)
        for name in ("dita", "loutka"):
            mine = [each for each in await members(stage) if each["name"] == name]
            assert not any({"PROJECT_DELETE", "ADMIN_GRANT"} & oracle.rights(each).keys() for each in mine), (
                str(act)
            )

    assert tried >= set(mutations())


def everything(people: Sequence[str]) -> Iterator[Step]:
    chance = random.Random(4)
    for mutation in sorted(mutations()):
        for who in people:
            for _ in range(INPUTS):
                yield random_step(chance.randbytes(TAPE), Habits([who], [mutation], (), always=True))

"""The answer equals what the policy table says: each part of the schema, by each road, for each of 1,024 viewers.

Each run draws a sample; `MATRIX_SEED` repeats one, `MATRIX_N` makes it larger. `python -m tests.proof matrix` asks for
everything.
"""

import math
import os
import random
import zlib
from collections.abc import Callable

import pytest
from graphql import build_schema

from app.policy import Permission, Role
from tests.databases import Engine
from tests.proof.matrix.contract import the_contract
from tests.proof.matrix.desk import open_desk
from tests.proof.matrix.policy_table import the_policy
from tests.proof.matrix.roads import Roads
from tests.proof.matrix.run import Part, run_part
from tests.proof.matrix.verdicts import Verdicts

CHECKS = int(os.environ.get("MATRIX_N") or 7_000)


def chosen_seed() -> int:
    """Another one in each run, the same in all processes of it, unless MATRIX_SEED says which."""
    if given := os.environ.get("MATRIX_SEED"):
        return int(given)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return zlib.crc32(run.encode()) if run else random.SystemRandom().getrandbits(32)


SEED = chosen_seed()
PARTS = max(2, CHECKS // 20_000)
#: Fewer are not worth a seat.
LEAST_EACH = 40
ON_POSTGRES = 0.15


@pytest.mark.parametrize("part", range(PARTS))
async def test_the_answer_equals_what_the_policy_says(
    part: int, engine: Engine, database_url: str, record_property: Callable[[str, object], None]
) -> None:
    share = math.ceil((CHECKS if engine == "sqlite" else CHECKS * ON_POSTGRES) / PARTS)

    async with open_desk(database_url) as desk:
        verdicts = await run_part(desk, Part(SEED, share, part, PARTS), viewers=math.ceil(share / LEAST_EACH))

    record_property("proof", f"{verdicts.last_line()} on {engine}, part {part}, MATRIX_SEED={SEED}")
    assert verdicts.wrong == 0, told(verdicts)
    assert verdicts.checks >= share


def told(verdicts: Verdicts) -> str:
    found = "\n".join(map(str, verdicts.wrongs))
    return f"MATRIX_SEED={SEED} MATRIX_N={CHECKS}\n{verdicts.last_line()}\n{found}"


def test_every_directive_of_the_published_contract_names_the_roles_of_the_policy() -> None:
    assert the_contract().faults(the_policy()) == []
    assert len(the_contract().directives) >= 90


def test_a_type_that_nothing_leads_to_is_named() -> None:
    schema = build_schema(
        "type Query { a: Int } type Mutation { b: Int } type Subscription { c: Int } type Lost { d: Int }"
    )

    with pytest.raises(
        AssertionError, match="No road of the matrix leads to Lost: give a field that shows it"
    ):
        Roads.through(schema)


def test_there_are_1024_viewers_and_as_many_rights_as_the_policy_says() -> None:
    policy = the_policy()

    assert len(set(policy.everybody())) == 1_024
    assert set(policy.rows) == {permission.name for permission in Permission}
    assert list(policy.roles) == [role.name for role in Role]

"""Whoever may not see a secret gets the same bytes whether it is so or otherwise; whoever may tells the worlds apart."""

import asyncio
import os
import random
from collections.abc import Callable, Iterator

import pytest

from tests.databases import ENGINES, Databases
from tests.differential.stage import Request
from tests.proof.worlds.main import ON_POSTGRES, play_round
from tests.proof.worlds.planting import Secret
from tests.proof.worlds.rounds import explained
from tests.proof.worlds.theatre import Ask, Theatre, Told, open_theatre, undone

OPERATIONS = int(os.environ.get("WORLDS_N") or 3_000)
#: Short rounds: so many secrets have their turn often.
IN_ROUND = 20
SEED = int(os.environ.get("WORLDS_SEED") or random.SystemRandom().getrandbits(32))
LEAST_SECRETS = 30


@pytest.fixture(scope="module", params=ENGINES)
def theatre(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    databases, engine = Databases(), request.param
    try:
        with open_theatre(engine, asyncio.run(databases.fresh(engine))) as theatre:
            yield theatre
    finally:
        databases.close()


def test_nobody_notices_what_is_hidden_from_him(
    theatre: Theatre, record_property: Callable[[str, object], None]
) -> None:
    share = 1 / ON_POSTGRES if theatre.engine == "postgres" else 1 - 1 / ON_POSTGRES
    asked, number = 0, 0

    while asked < OPERATIONS * share:
        played = play_round(theatre, SEED, number, many=IN_ROUND)
        here = f"WORLDS_SEED={SEED}, round {number}"
        assert not played.differences, f"{here}\n{explained(theatre, played.differences[0])}"
        assert not played.stumbles, (
            f"{here}\n{played.stumbles[0].request}\n{played.stumbles[0].one.heard.told()}"
        )
        asked, number = asked + played.operations, number + 1

    record_property(
        "proof", f"worlds on {theatre.engine}: {asked} operations, differing 0, WORLDS_SEED={SEED}"
    )


def test_there_are_many_secrets_and_each_can_be_told_by_somebody(theatre: Theatre) -> None:
    untold = [each.name for each in theatre.secrets if each.told_by and not _tells(theatre, each)]

    assert untold == []
    assert sum(each.told_by is not None for each in theatre.secrets) >= LEAST_SECRETS


def _tells(theatre: Theatre, secret: Secret) -> bool:
    """Does his probe get a different answer in the other world?"""
    probe = secret.told_by
    assert probe is not None and probe.viewer not in secret.hidden_from
    ask = Ask(Request(probe.document, probe.variables, probe.viewer), "post", (), "probe")
    one, other = (theatre.runner.run(_in_world(theatre, secret, ask, is_other)) for is_other in (False, True))
    return one.heard.body != other.heard.body


async def _in_world(theatre: Theatre, secret: Secret, ask: Ask, is_other: bool) -> Told:
    async with theatre.world(secret, is_other=is_other), undone():
        return await theatre.ask(ask)

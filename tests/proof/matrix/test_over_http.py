"""The road through HTTP is no different: the same checks, sent as a client sends them, and the status besides."""

from collections.abc import Mapping
from functools import cached_property
from random import Random
from typing import Any

import httpx
from starlette.applications import Starlette

from app import config
from app.http.graphql import GraphQLEndpoint
from app.http.hot import HotRoads
from app.http.middleware import middleware
from app.http.sockets import Sockets
from app.services import sessions
from tests.databases import Engine
from tests.proof.matrix.asking import Asking
from tests.proof.matrix.catalogue import Probe, probes
from tests.proof.matrix.desk import Desk, Got, open_desk
from tests.proof.matrix.mutating import Mutating
from tests.proof.matrix.policy_table import the_policy
from tests.proof.matrix.reading import Reading
from tests.proof.matrix.run import picked
from tests.proof.matrix.test_matrix import SEED, told
from tests.proof.matrix.verdicts import Verdicts
from tests.proof.matrix.world import TOKEN

VIEWERS, PROBES_EACH = 16, 12
HEADERS = {"authorization": f"Bearer {TOKEN}", "accept": "application/graphql-response+json"}


class HttpDesk(Desk):
    """Sends queries, and mutations that are refused, over HTTP. What a mutation changes could not be taken back there."""

    async def ask(self, text: str, variables: Mapping[str, Any]) -> Got:
        answer = await self._client.post(
            "/graphql", json={"query": text, "variables": dict(variables)}, headers=HEADERS
        )
        body = answer.json()
        got = Got(body.get("data"), body.get("errors", ()))
        assert answer.status_code == (403 if got.denials and got.data is None else 200), answer.text
        return got

    async def try_out(self, text: str, variables: Mapping[str, Any]) -> Got:
        inside = await super().try_out(text, variables)
        return await self.ask(text, variables) if inside.data is None and inside.denials else inside

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        endpoint = GraphQLEndpoint(
            self.schema,
            authenticate=sessions.authenticate,
            hub=self.hub,
            settings=config.settings(),
            sockets=Sockets(),
        )
        routes = Starlette(routes=[endpoint.route()], middleware=middleware(config.settings()))
        transport = httpx.ASGITransport(HotRoads(routes, endpoint))
        return httpx.AsyncClient(transport=transport, base_url="https://crm.example.com")


async def test_the_same_answers_come_over_http(engine: Engine, database_url: str) -> None:
    chance, verdicts = Random(f"http {SEED}"), Verdicts()

    async with open_desk(database_url, HttpDesk) as desk:
        answered = [probe for probe in probes(desk.roads, desk.contract) if can_be_sent(probe)]
        for who in chance.sample(the_policy().everybody(), VIEWERS):
            await desk.seat(who)
            for probe in chance.sample(answered, PROBES_EACH):
                await probe.check(desk, picked(desk, chance), verdicts)

    assert verdicts.wrong == 0, told(verdicts)
    assert verdicts.checks >= VIEWERS * PROBES_EACH


def can_be_sent(probe: Probe) -> bool:
    """Not what only sockets are for; and a session changes by being used."""
    if isinstance(probe, Reading):
        return probe.road.kind == "query" and probe.road.target != "Session"
    return isinstance(probe, Asking | Mutating)

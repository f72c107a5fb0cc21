"""Introspection, on every road, says nothing that a tool of today's specification does not know."""

from app.engine.introspection import LOCATIONS
from tests.http.socket_client import signed_in
from tests.http.test_dead_tokens import Ask, ask
from tests.http.toy import Client

__all__ = ["ask"]

LOCATIONS_ASKED = """{
    __type(name: "__DirectiveLocation") { enumValues(includeDeprecated: true) { name } }
    __schema { directives { name locations } }
}"""


async def test_introspection_names_the_specified_directive_locations_on_every_road(
    client: Client, ask: Ask
) -> None:
    over_http = (await ask(LOCATIONS_ASKED)).json()["data"]
    async with signed_in(client.toy) as socket:
        await socket.subscribe(LOCATIONS_ASKED)
        over_socket = (await socket.receive())["payload"]["data"]

    assert over_http == over_socket
    assert {each["name"] for each in over_http["__type"]["enumValues"]} == LOCATIONS
    for directive in over_http["__schema"]["directives"]:
        assert set(directive["locations"]) <= LOCATIONS, directive

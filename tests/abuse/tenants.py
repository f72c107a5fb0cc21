"""Two firms with a row in every table, and every place of the schema where an id, a filter or a cursor may be sent.

Made from the schema: a type, an argument or an input of tomorrow is attacked by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLObjectType, GraphQLScalarType, get_named_type, is_list_type
from graphql import GraphQLNonNull as NonNull
from tortoise.transactions import in_transaction

from app.engine.declare import TABLES, ById, Column, Listing, Table, ToMany
from app.engine.guards import SPEC, metadata_of
from app.engine.ids import ID_OF, global_id
from app.engine.types import graphql_name
from app.ids import uuid7
from app.models import Account, Project
from app.policy import Guard, Role
from app.schema import build
from tests.graphql import Answer, Client, as_employee
from tests.models.world import World, make_world
from tests.schema.operations import value_of


@dataclass(frozen=True)
class Tenants:
    """`mine` is asked by its admin, `client`; `theirs` is what he must not see."""

    mine: World
    theirs: World
    client: Client


async def two_tenants(*roles: Role) -> Tenants:
    """Two firms; the viewer is an admin unless other roles are given."""
    async with in_transaction():
        mine, theirs = await make_world(roles or [Role.ADMIN]), await make_world([Role.ADMIN])
    return Tenants(mine, theirs, as_employee(mine.me))


def tables() -> dict[str, type[Table]]:
    """Every type over a table, by name."""
    build()
    return dict(TABLES)


async def ids_of(world: World, type_name: str) -> list[str]:
    """The global ids of the firm's rows of this type. Fails if there are none: then nothing would be attacked."""
    model = tables()[type_name].model
    rows: list[Any]
    if model is Account:
        rows = await Account.filter(id__in=[world.me.account_id, world.colleague.account_id])
    elif model is Project:
        rows = [world.project]
    else:
        assert "project_id" in model._meta.fields_db_projection, f"say here which {type_name} is a firm's"
        rows = await model.filter(project_id=world.project.id).order_by("id")
    assert rows, f"tests/models/world.py makes no row of {type_name}"
    return [global_id(type_name, row.id) for row in rows]


async def id_of(world: World, type_name: str) -> str:
    return (await ids_of(world, type_name))[0]


def nobodys(type_name: str) -> str:
    """An id that no row has."""
    return global_id(type_name, uuid7())


def told(answer: Answer) -> Any:
    """All that a client can tell two answers by: the id of the request is its own."""
    errors = [
        {
            **error,
            "extensions": {key: value for key, value in error["extensions"].items() if key != "requestId"},
        }
        for error in answer.errors
    ]
    return answer.data, errors


class IdPlace(NamedTuple):
    """A root field with an argument that takes an id, or several, of the type that it `takes`.

    `type_name`: the one type that it shows.
    """

    kind: str
    field: str
    argument: str
    document: str
    others: Mapping[str, Any]
    is_many: bool
    type_name: str | None
    takes: str

    def variables(self, id_: str) -> dict[str, Any]:
        return {**self.others, self.argument: [id_] if self.is_many else id_}


def places_of_ids() -> Iterator[IdPlace]:
    """Every argument of a query or subscription that takes an id."""
    schema = build()._schema
    for kind, root in (("query", schema.query_type), ("subscription", schema.subscription_type)):
        for name, field in root.fields.items() if root else ():
            for argument, given in field.args.items():
                if get_named_type(given.type).name == "ID":
                    yield _by_id(kind, name, field, argument)


def _by_id(kind: str, name: str, field: GraphQLField, argument: str) -> IdPlace:
    others = {
        key: value_of(given.type, given)
        for key, given in field.args.items()
        if isinstance(given.type, NonNull) and key != argument
    }
    keys = [argument, *others]
    declared = ", ".join(f"${key}: {field.args[key].type}" for key in keys)
    passed = ", ".join(f"{key}: ${key}" for key in keys)
    shown = get_named_type(field.type)
    selection = "" if isinstance(shown, GraphQLScalarType) else "{ __typename }"
    type_ = field.args[argument].type
    is_many = is_list_type(type_.of_type if isinstance(type_, NonNull) else type_)
    document = f"{kind} Try({declared}) {{ {name}({passed}) {selection} }}"
    spec = metadata_of(field).get(SPEC)
    shows = spec.to if isinstance(spec, ById) else None
    takes = metadata_of(field.args[argument])[ID_OF]
    return IdPlace(kind, name, argument, document, others, is_many, shows, takes)


async def answer_to(client: Client, place: IdPlace, id_: str) -> Answer:
    if place.kind == "query":
        return await client.run(place.document, **place.variables(id_))
    answers = client.subscribe(place.document, **place.variables(id_))
    try:
        return await anext(answers)
    finally:
        await answers.aclose()


class Listed(NamedTuple):
    """A connection. `arguments` are its own, `guard` is the root field's, `before` and `after` lead to it."""

    place: str
    table: type[Table]
    arguments: frozenset[str]
    guard: Guard
    before: str = ""
    after: str = ""

    def document(self, declared: str, passed: str, selection: str) -> str:
        """A query of it. `selection` is of the connection."""
        field = f"{self.place}({passed})" if passed else self.place
        heading = f"query Try({declared})" if declared else "query Try"
        return f"{heading} {{ {self.before} {field} {{ {selection} }} {self.after} }}"


def listings() -> list[Listed]:
    """Every connection that is a root field."""
    query = build()._schema.query_type
    assert query is not None
    found = []
    for name, field in query.fields.items():
        spec = metadata_of(field).get(SPEC)
        if isinstance(spec, Listing):
            found.append(Listed(name, tables()[spec.to], frozenset(field.args), spec.guard))
    return found


def connections() -> list[Listed]:
    """Those, and every connection below the rows of one of them."""
    found = listings()
    for listed in listings():
        for name, spec in listed.table.specs.items():
            if isinstance(spec, ToMany) and spec.paged:
                type_ = build()._schema.type_map[listed.table.__name__]
                assert isinstance(type_, GraphQLObjectType)
                field = graphql_name(name)
                found.append(
                    Listed(
                        field,
                        tables()[spec.to],
                        frozenset(type_.fields[field].args),
                        listed.guard,
                        f"{listed.place}(first: 10) {{ nodes {{",
                        "} }",
                    )
                )
    return found


def id_filters(table: type[Table]) -> list[tuple[str, str]]:
    """The fields of the type's `where` that take ids: the name, and each type whose ids they are."""
    columns = [
        (graphql_name(name), spec)
        for name, spec in table.specs.items()
        if isinstance(spec, Column) and spec.filter
    ]
    of_one = [(name, spec.id_of) for name, spec in columns if spec.id_of]
    return of_one + [(name, each) for name, spec in columns if spec.id_in for each in tables()]


def ids_in(data: Any) -> set[str]:
    """Every id in an answer, however deep."""
    if isinstance(data, Mapping):
        own = {data["id"]} if isinstance(data.get("id"), str) else set()
        return own.union(*(ids_in(each) for each in data.values()))
    return set().union(*(ids_in(each) for each in data)) if isinstance(data, list) else set()

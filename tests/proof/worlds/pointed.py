"""Short operations that ask for nothing but the secret, in every syntax: what an attacker writes who knows the schema."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from tests.differential.arguments import Given
from tests.differential.generate import Operation
from tests.differential.values import arguments_text
from tests.proof.worlds.authors import Curious

#: Fields of rows are asked for in this many levels at most.
LEVELS, LISTS = 6, 1


def pointed(author: Curious) -> Operation:
    """By a list that is filtered or sorted by it, or by a row that shows it."""
    kind = author.dice.one(author.hinted_kinds() or ["Contact"])
    root = _list_of(author, kind)
    if root is not None and author.dice.chance(55):
        return author.written("query", _list(author, kind, root))
    return author.written("query", _row(author, kind))


def _list_of(author: Curious, kind: str) -> str | None:
    query = author.schema.query_type
    assert query is not None
    connections: dict[str, str] = {
        get_named_type(each.type).name: name for name, each in query.fields.items()
    }
    return connections.get(f"{kind}Connection")


def _list(author: Curious, kind: str, root: str) -> str:
    query, arguments = author.schema.query_type, author.arguments
    assert query is not None
    types: dict[str, Any] = {name: each.type for name, each in query.fields[root].args.items()}
    given: Given = {"first": 100} if author.dice.chance(50) else {}
    filtered, sorted_ = (
        [name for name in arguments.hints.fields if name in _fields_of(types, argument)]
        for argument in ("where", "orderBy")
    )
    if filtered:
        where = _condition(author, kind, types["where"], author.dice.one(filtered))
        given["where"] = arguments.variable(types["where"], where, percent=35)
    if sorted_ and author.dice.chance(50):
        given["orderBy"] = [{author.dice.one(sorted_): author.dice.one(("ASC", "DESC"))}]
    if "search" in types and (not filtered or author.dice.chance(15)):
        given["search"] = arguments.searched(kind)
    return f"{root}{arguments_text(given, types)} {{ totalCount nodes {{ id }} }}"


def _fields_of(types: dict[str, Any], argument: str) -> Any:
    return get_named_type(types[argument]).fields if argument in types else {}


def _condition(author: Curious, kind: str, where: Any, name: str) -> Given:
    """One condition, alone or inside of what combines them."""
    operators: Any = get_named_type(get_named_type(where).fields[name].type).fields
    operator = author.dice.one(list(operators))
    operand = author.arguments._operand(kind, name, operator, operators[operator].type)
    condition: Given = {name: {operator: operand}}
    match author.dice.one(("", "", "and", "or", "not", "or not")):
        case "and" | "or" as key:
            return {key: [condition]}
        case "not":
            return {"not": condition}
        case "or not":
            return {"or": [{"not": condition}]}
    return condition


def _row(author: Curious, kind: str) -> str:
    type_: Any = author.schema.type_map[kind]
    names = [name for name in author.arguments.hints.fields if name in type_.fields] or ["id"]
    parts = " ".join(_part(author, type_, author.dice.one(names)) for _ in range(1 + author.dice.below(2)))
    return f'node(id: "{author.arguments.some_id(kind)}") {{ id ... on {kind} {{ {parts} }} }}'


def _part(author: Curious, type_: GraphQLObjectType, name: str) -> str:
    """The field: as it is, under another name, by a directive, in a fragment."""
    if not is_leaf_type(get_named_type(type_.fields[name].type)):
        return author._field(type_, name, LEVELS, LISTS)
    alias = f"p{author.dice.below(1_000)}: " if author.dice.chance(35) else ""
    shown = author.dice.one(("", "", " @include(if: true)", " @skip(if: false)"))
    text = f"{alias}{name}{shown}"
    return f"... on {type_.name} {{ {text} }}" if author.dice.chance(25) else text

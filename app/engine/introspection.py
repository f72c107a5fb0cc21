"""What introspection says, kept to the specification of September 2025.

graphql-core names directive locations of later drafts. Tools that read the answer into a closed enum, as those of
Kotlin and .NET do, stop at the first that they do not know.
"""

from typing import Any

from graphql import DirectiveLocation, GraphQLEnumType, GraphQLSchema

#: Source: GraphQL, September 2025, section 4.2, `__DirectiveLocation`.
LOCATIONS = frozenset(
    {
        *("QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD"),
        *("INLINE_FRAGMENT", "VARIABLE_DEFINITION", "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION"),
        *("ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT"),
        "INPUT_FIELD_DEFINITION",
    }
)


def keep_to_specification(schema: GraphQLSchema) -> None:
    """Takes later directive locations out of the enum, and out of the directives that name them.

    Both are graphql-core's own objects, which all schemas of a process share; doing it twice does no harm.
    """
    enum: Any = schema.type_map["__DirectiveLocation"]
    assert isinstance(enum, GraphQLEnumType)
    for name in set(enum.values) - LOCATIONS:
        del enum.values[name]
    later = {each for each in DirectiveLocation if each.name not in LOCATIONS}
    for directive in schema.directives:
        directive.locations = tuple(each for each in directive.locations if each not in later)

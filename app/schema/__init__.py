"""The GraphQL face: every domain declares its part in a module of its own, and `build` puts them together."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from strawberry.schema.config import StrawberryConfig

from app.engine.assemble import complete_tables, root_type
from app.engine.declare import TABLES, AnyNode, Spec
from app.engine.declared import check, check_tables
from app.engine.scalars import SCALARS
from app.policy import Level
from app.schema.documents import DocumentSchema
from app.schema.mutations import MUTATIONS, connect_mutations
from app.schema.subscriptions import SUBSCRIPTIONS

# One line a domain; `queries` of each module are root fields, `types` what only an interface leads to; its mutations and
# subscriptions register themselves.
MODULES = (
    "accounts",
    "sessions",
    "viewer",
    "companies",
    "projects",
    "divisions",
    "partners",
    "employees",
    "contacts",
    "persons",
    "proposals",
    "activities",
    "reminders",
    "reminder_feed",
    "emails",
    "lead_shares",
    "audit",
)


@cache
def build() -> DocumentSchema:
    """The schema of the API. Built once in a process. Raises UndeclaredError where nobody said who may see something."""
    modules = [import_module(f"app.schema.{name}") for name in MODULES]
    check_tables()
    complete_tables()
    schema = DocumentSchema(
        root_type("Query", "What can be read. Rows out of reach are absent.", _queries(modules)),
        root_type("Mutation", "What can be done: one mutation per business action.", MUTATIONS),
        root_type("Subscription", "What is told as it happens.", SUBSCRIPTIONS),
        types=[*TABLES.values(), *(each for module in modules for each in getattr(module, "types", ()))],
        config=StrawberryConfig(disable_field_suggestions=True, batching_config=None, scalar_map=SCALARS),
    )
    check(schema._schema)
    connect_mutations(schema, schema.engine.resolvers)
    return schema


def _queries(modules: Iterable[Any]) -> Mapping[str, Any]:
    nodes: dict[str, Spec] = {
        "node": AnyNode(guard=Level.ACCOUNT, description="Whatever has this global id, if it is in reach."),
        "nodes": AnyNode(
            guard=Level.ACCOUNT, description="The same for several ids, in their order.", many=True
        ),
    }
    found: dict[str, Any] = dict(nodes)
    for module in modules:
        found |= getattr(module, "queries", {})
    return found

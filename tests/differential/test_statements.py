"""No N+1, ever: whatever operation is drawn, each of its root fields runs at most one statement."""

from functools import partial
from typing import Any

from graphql import FragmentDefinitionNode
from hypothesis import HealthCheck, Phase, given, seed, settings

from app.schema import build
from tests.databases import ENGINES
from tests.differential.compare import Comparison
from tests.differential.generate import Operation, operations
from tests.differential.stage import Request, answer
from tests.engine.asking import read, recorded

OPERATIONS = 200
#: What root fields with a resolver of their own ask; the clock is one of the two.
OF_RESOLVERS = {"openReminderCount": 2, "restorableProjects": 2, "viewer": 1}


def test_each_root_field_runs_one_statement(comparison: Comparison) -> None:
    reading = 0

    @seed(OPERATIONS)
    @settings(
        max_examples=OPERATIONS,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operations(build()._schema, comparison.sights, comparison.everything))
    def check(operation: Operation) -> None:
        nonlocal reading
        request = comparison.request(operation)
        for engine in ENGINES:
            context = comparison.stage.context(request.viewer)
            with recorded() as statements:
                found = comparison.stage.run(engine, partial(answer, request, context))
            least, most = bounds(request, found.get("data") or {})
            assert least <= len(statements) <= most, (engine, request, statements)
            reading += least

    check()
    assert reading >= OPERATIONS  # half of the operations at the very least


def bounds(request: Request, data: dict[str, Any]) -> tuple[int, int]:
    """How many statements the root fields take: none where there was nothing to look for, else one each."""
    names = _root_names(request)
    most = sum(OF_RESOLVERS.get(name, 1) for name in names.values())
    return sum(_was_read(data.get(key)) for key, name in names.items() if name not in OF_RESOLVERS), most


def _was_read(value: Any) -> bool:
    return any(row is not None for row in value) if isinstance(value, list) else value is not None


def _root_names(request: Request) -> dict[str, str]:
    """The names of the root fields by their response keys, those left out by directives too."""
    document = read(request.document)
    assert document.ast is not None
    found: dict[str, str] = {}
    waiting: list[Any] = [document.operation(None).selection_set]
    fragments = {
        each.name.value: each for each in document.ast.definitions if isinstance(each, FragmentDefinitionNode)
    }
    while waiting:
        for selection in waiting.pop().selections:
            if selection.kind == "field" and not selection.name.value.startswith("__"):
                key = selection.alias.value if selection.alias else selection.name.value
                found[key] = selection.name.value
            elif selection.kind == "inline_fragment":
                waiting.append(selection.selection_set)
            elif selection.kind == "fragment_spread":
                waiting.append(fragments[selection.name.value].selection_set)
    return found

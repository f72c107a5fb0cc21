"""The engine: from an operation of a parsed document to its answer.

Two caches save the work: an operation's plan by the viewer's shape and the variables that @skip and @include use, and
the statements by their plan and the form of the arguments. Both are bounded in entries and in bytes.
"""

from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from app.engine import core, plan
from app.engine.cache import Bounded
from app.engine.document import Document
from app.engine.inputs import Inputs
from app.engine.plan import Plan
from app.engine.run import Context, Listener, Run
from app.engine.values import Unfit
from app.engine.variables import Variables
from app.errors import DatabaseAway
from app.viewers import facts_of

PLANS, PLAN_BYTES = 4_000, 64_000_000
OPERATIONS, OPERATION_BYTES = 2_000, 16_000_000
#: What a plan takes for each character of its document, measured over the reference documents, and a bit.
BYTES_PER_CHARACTER = 60


NO_ERRORS: Sequence[GraphQLError] = ()


class Refused(Exception):
    """Nothing was executed."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(error.message for error in self.errors))


@dataclass(frozen=True, slots=True)
class Outcome:
    """`data` is JSON; the errors are as graphql-core and our own code raised them, not yet fit for a client."""

    data: bytes
    errors: Sequence[GraphQLError]


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """What is worked out once for an operation: its fragments, and the variables that decide what is asked."""

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    variables: Variables
    weight: int


class Engine:
    """Answers the operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.resolvers = core.connect(schema)
        self._known: Bounded[Known] = Bounded(entries=OPERATIONS, most_bytes=OPERATION_BYTES)
        self._plans: Bounded[Plan] = Bounded(entries=PLANS, most_bytes=PLAN_BYTES)

    async def run(
        self,
        ast: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
        *,
        only_core: bool = False,
    ) -> Outcome:
        """The outcome of a query or mutation. Raises Refused. With `only_core` graphql-core completes every value."""
        known, coerced, found = self._decided(ast, operation, variables, context)
        if found.constant is not None:
            return Outcome(found.constant, NO_ERRORS)
        run = self._run(known, coerced, found, context)
        await run.count_searches()
        await run.get_values()
        return await self._outcome(run, ast, variables, only_core=only_core)

    async def subscribe(
        self,
        ast: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Listener,
    ) -> AsyncGenerator[Outcome, None]:
        """An outcome for each event. The operation is authorised anew for each; raises Refused when it is not.

        It ends when a row that is to be shown is out of sight. Raises Unauthenticated, as the source does, once the session is gone.
        """
        run = self._start(ast, operation, variables, context)
        await run.count_searches()
        (root,) = run.plan.roots
        source = root.definition.subscribe
        assert source is not None
        events: Any = source(None, run.info(root), **run.arguments.get(id(root.nodes[0]), {}))
        if isawaitable(events):
            events = await events
        async with aclosing(events):
            async for event in events:
                outcome = await self._told(event, ast, operation, variables, context)
                if outcome is None:
                    return
                yield outcome

    async def _told(
        self,
        event: Any,
        ast: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Listener,
    ) -> Outcome | None:
        """The outcome for the viewer as he is when it is told: made anew if he has become another meanwhile.

        None if it would show a row that is out of sight.
        """
        while True:
            run = self._start(ast, operation, variables, context)
            run.is_shared = True
            is_in_sight = await run.take_event(event)
            outcome = await self._outcome(run, ast, variables) if is_in_sight else None
            if await context.refresh() == run.viewer:
                return outcome

    async def _outcome(
        self, run: Run, ast: DocumentNode, variables: Mapping[str, Any], *, only_core: bool = False
    ) -> Outcome:
        outcome = await self._completed(run, ast, variables, only_core=only_core)
        if run.counted:
            await _count_shown(run)
        return outcome

    async def _completed(
        self, run: Run, ast: DocumentNode, variables: Mapping[str, Any], *, only_core: bool
    ) -> Outcome:
        if not only_core:
            try:
                return Outcome(await run.written(), run.denials)
            except Unfit:
                pass  # graphql-core completes the same values, and tells what is wrong with them
        data, errors = await core.complete(run, ast, variables)
        return Outcome(orjson.dumps(data), [*errors, *run.denials])

    def _start(
        self,
        ast: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
    ) -> Run:
        return self._run(*self._decided(ast, operation, variables, context), context)

    def _decided(
        self,
        ast: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
    ) -> tuple[Known, VariableValues, Plan]:
        """The decision before anything is executed. Raises Refused."""
        known = self._known_of(ast, operation)
        coerced = known.variables.coerced(variables)
        if not isinstance(coerced, VariableValues):
            raise Refused(coerced)
        try:
            return known, coerced, self._plan(known, coerced, context)
        except GraphQLError as refusal:
            raise Refused([refusal]) from refusal

    def _run(self, known: Known, variables: VariableValues, found: Plan, context: Context) -> Run:
        """With the arguments of this request. Raises Refused for those that the viewer may not send."""
        document = Document(self.schema, known.fragments, variables)
        arguments = found.constants
        if found.inputs:
            reader = Inputs(context.viewer, found.constant_values)
            try:
                arguments = {**arguments, **reader.read(document, found.inputs)}
            except GraphQLError as refusal:
                raise Refused([refusal]) from refusal
        return Run(found, document, context, arguments, self.resolvers, context.viewer)

    def _plan(self, known: Known, variables: VariableValues, context: Context) -> Plan:
        shape = facts_of(context.viewer).shape
        conditions = {name: variables.coerced.get(name) for name in known.conditions}
        key: Hashable = (known, shape, *conditions.values())
        found = self._plans.get(key)
        if found is not None:
            return found
        document = Document(self.schema, known.fragments, VariableValues({}, conditions))
        return self._plans.put(key, plan.make(document, known.operation, shape), known.weight)

    def _known_of(self, ast: DocumentNode, operation: OperationDefinitionNode) -> Known:
        # Nodes of a tree are compared whole, which takes long: by identity instead. `Known` keeps the node alive.
        known = self._known.get(id(operation))
        if known is not None:
            return known
        fragments = {
            node.name.value: node for node in ast.definitions if isinstance(node, FragmentDefinitionNode)
        }
        characters = len(ast.loc.source.body) if ast.loc else 0
        weight = BYTES_PER_CHARACTER * characters + 1_000
        variables = Variables(self.schema, operation)
        made = Known(operation, fragments, _conditions(ast), variables, weight)
        return self._known.put(id(operation), made, weight)


async def _count_shown(run: Run) -> None:
    kind = run.plan.operation.operation
    try:
        await run.context.count_shown(run.counted, is_done=kind is not OperationType.QUERY)
    except DatabaseAway as away:
        if kind is not OperationType.MUTATION:
            raise
        raise DatabaseAway("This was done, but the database went away before it could be shown.") from away


def _conditions(ast: DocumentNode) -> tuple[str, ...]:
    """The variables that @skip and @include use, anywhere in the document."""
    found: dict[str, None] = {}

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found[argument.value.name.value] = None

    visit(ast, Directives())
    return tuple(found)

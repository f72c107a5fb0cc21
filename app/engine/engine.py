"""The engine: from an operation of a parsed document to its answer.

Two caches save the work: a document's plans by operation, the viewer's shape and the variables that @skip and @include
use, and a plan's statements by the form of the arguments. They lie within each other, and all within the cache of
documents, which is bounded in entries and in bytes.
"""

from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.values import VariableValues

from app.engine import core, plan
from app.engine.denials import told
from app.engine.document import Document
from app.engine.inputs import Inputs
from app.engine.plan import Plan
from app.engine.prepared import Known, Prepared
from app.engine.run import Context, Listener, Run
from app.engine.values import Unfit
from app.errors import Unanswered
from app.policy import Viewer
from app.viewers import facts_of

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


class Engine:
    """Answers the operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.resolvers = core.connect(schema)

    async def run(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
        *,
        only_core: bool = False,
    ) -> Outcome:
        """The outcome of a query or mutation. Raises Refused. With `only_core` graphql-core completes every value."""
        known, coerced, found = self._decided(prepared, operation, variables, context)
        if found.constant is not None:
            self._remember(prepared, found, context.viewer)
            return Outcome(found.constant, NO_ERRORS)
        run = self._run(known, coerced, found, context)
        await run.count_searches()
        await run.get_values()
        outcome = await self._outcome(run, prepared.ast, variables, only_core=only_core)
        self._remember(prepared, found, run.viewer)
        return outcome

    async def subscribe(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Listener,
    ) -> AsyncGenerator[Outcome, None]:
        """An outcome for each event. The operation is authorised anew for each; raises Refused when it is not.

        Raises CostExceeded at once for a selection that shows no event, as `Run.check_event` tells. It ends when a row that is to be shown is out of sight. Raises Unauthenticated, as the source does, once the session is gone.
        """
        run = self._start(prepared, operation, variables, context)
        run.check_event()
        await run.count_searches()
        (root,) = run.plan.roots
        source = root.definition.subscribe
        assert source is not None
        events: Any = source(None, run.info(root), **run.arguments.get(id(root.nodes[0]), {}))
        if isawaitable(events):
            events = await events
        self._remember(prepared, run.plan, run.viewer)
        async with aclosing(events):
            async for event in events:
                outcome = await self._told(event, prepared, operation, variables, context)
                if outcome is None:
                    return
                yield outcome

    async def _told(
        self,
        event: Any,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Listener,
    ) -> Outcome | None:
        """The outcome for the viewer as he is when it is told: made anew if he has become another meanwhile.

        None if it would show a row that is out of sight.
        """
        while True:
            run = self._start(prepared, operation, variables, context)
            run.is_shared = True
            is_in_sight = await run.take_event(event)
            outcome = await self._outcome(run, prepared.ast, variables) if is_in_sight else None
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
                return _with_denials(await run.written(), NO_ERRORS, run)
            except Unfit:
                pass  # graphql-core completes the same values, and tells what is wrong with them
        data, errors = await core.complete(run, ast, variables)
        return _with_denials(orjson.dumps(data), errors, run)

    def _start(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
    ) -> Run:
        return self._run(*self._decided(prepared, operation, variables, context), context)

    def _decided(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        context: Context,
    ) -> tuple[Known, VariableValues, Plan]:
        """The decision before anything is executed. Raises Refused."""
        known = prepared.operation(self.schema, operation)
        coerced = known.variables.coerced(variables)
        if not isinstance(coerced, VariableValues):
            raise Refused(coerced)
        try:
            return known, coerced, self._plan(prepared, known, coerced, context)
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

    def _plan(self, prepared: Prepared, known: Known, variables: VariableValues, context: Context) -> Plan:
        shape = facts_of(context.viewer).shape
        conditions = {name: variables.coerced.get(name) for name in known.conditions}
        key: Hashable = (known, shape, *conditions.values())
        found = prepared.plans.get(key)
        if found is not None:
            return found
        document = Document(self.schema, known.fragments, VariableValues({}, conditions))
        made = plan.make(document, known.operation, shape)
        return prepared.plans.put(key, made, made.weight)

    @staticmethod
    def _remember(prepared: Prepared, found: Plan, viewer: Viewer) -> None:
        """The document, for whoever was allowed to run something of it: what is refused would push out what is not."""
        found.weigh()
        if not found.is_refused:
            prepared.remember(viewer)


def _with_denials(data: bytes, errors: Sequence[GraphQLError], run: Run) -> Outcome:
    denials = run.denials
    return Outcome(data, [*errors, *told(denials, data)] if denials else errors)


async def _count_shown(run: Run) -> None:
    kind = run.plan.operation.operation
    try:
        await run.context.count_shown(run.counted, is_done=kind is not OperationType.QUERY)
    except Unanswered as refusal:
        if kind is not OperationType.MUTATION:
            raise
        raise type(refusal)(
            "This was done, but the database could not be asked for what to show."
        ) from refusal

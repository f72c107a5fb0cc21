"""Running a plan: root fields one after another, one statement for each, spliced into the answer as bytes.

Whatever a plan cannot answer itself (an exception, a null in the wrong place, introspection) is left to graphql-core,
over the very values that were got: see `core`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import Any, Protocol

import orjson
from graphql import GraphQLResolveInfo
from graphql.pyutils import Path, is_awaitable

from app.engine import cost, declare, event_lists, statement, together
from app.engine.declare import Row
from app.engine.denials import Denial
from app.engine.document import Document
from app.engine.fill import Fill
from app.engine.ids import local_id, type_and_id
from app.engine.inputs import Input, Inputs
from app.engine.plan import Payload, Plan, Root, late_payload, read_of_type
from app.engine.reads import Read
from app.engine.searches import Search
from app.engine.selection import TYPENAME
from app.engine.statement import Arguments
from app.engine.values import Demand, Unfit, type_name_of
from app.errors import BadUserInput, CostExceeded, Unanswered
from app.policy import Viewer
from app.viewers import facts_of

MOST_NODES = 100
#: Nothing of ours asks graphql-core to look after its tasks.
NO_HELPERS: Any = None


class Context(Protocol):
    """What the engine asks of `info.context`, and what it puts there while a mutation runs."""

    decide_inputs: Callable[[Viewer], None] | None
    decided_for: Viewer | None

    @property
    def viewer(self) -> Viewer: ...

    @property
    def cursor_key(self) -> bytes: ...

    async def count_shown(self, ids: Collection[Any], *, is_done: bool) -> None:
        """Counts the metered rows that an answer shows. Raises RateLimited, unless what it tells `is_done`."""

    async def count_searches(self, questions: Collection[bytes]) -> None:
        """Counts searches for metered rows, each by what it asks, before anything is read. Raises RateLimited."""


class Listener(Context, Protocol):
    """What it asks for a subscription besides: rights change under it."""

    async def refresh(self) -> Viewer:
        """The viewer as of now, who is `viewer` from then on. Raises Unauthenticated if the session is gone."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A value as the answer has it: JSON bytes, or a tree of what JSON knows.

    `is_odd`: something in the tree is not, and only graphql-core can tell what is wrong with it.
    """

    json: bytes | None = None
    tree: Any = None
    is_odd: bool = False

    def parsed(self) -> Any:
        return orjson.loads(self.json) if self.json is not None else self.tree

    def written(self) -> Any:
        """For orjson. Raises Unfit."""
        if self.is_odd:
            raise Unfit
        return orjson.Fragment(self.json) if self.json is not None else self.tree


NULL = Ready()


@dataclass(slots=True)
class Run:
    """One operation of one request. `document` has this request's variables."""

    plan: Plan
    document: Document
    context: Context
    arguments: Arguments
    resolvers: Mapping[tuple[str, str], Any]
    viewer: Viewer
    #: Whether others may ask the same in this moment: see `together`.
    is_shared: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    payloads: dict[str, Payload] = field(default_factory=dict)
    late_denials: list[Denial] = field(default_factory=list)
    #: What is counted of the rows that were read, where they are metered.
    counted: set[Any] = field(default_factory=set)

    async def count_searches(self) -> None:
        """Raises RateLimited: to be asked before anything is executed, so that the refusal tells nothing of the rows."""
        await self._count(self.plan.searches)

    async def _count(self, searches: Sequence[Search]) -> None:
        asked = {each.question(self.arguments) for each in searches}
        if questions := [each for each in asked if each is not None]:
            await self.context.count_searches(questions)

    async def get_values(self) -> None:
        """Gets what each root field has: Ready, a Python value, or the exception that it raised."""
        for root in self.plan.roots:
            self.values[root.key] = await self._value(root)

    async def take_event(self, value: Any) -> bool:
        """The same for an event of a subscription, whose one root field has this value.

        False if the row that it shows is out of sight. Raises what `check_event` does: the viewer may see more by now.
        """
        self.check_event()
        (root,) = self.plan.roots
        found = self.values[root.key] = await self._trying(root, self._event(root, value))
        return root.read is None or found is not NULL

    def check_event(self) -> None:
        """Raises CostExceeded if no event could be shown, and BadUserInput for arguments that cannot be asked."""
        (root,) = self.plan.roots
        if root.read is not None:
            cost.check(self._objects_of(root.read))
        if root.payload is not None:
            event_lists.check(root.payload.held, self._objects_of)

    @property
    def denials(self) -> list[Denial]:
        """One for each denied field."""
        return [*self.plan.denials, *self.late_denials]

    async def written(self) -> bytes:
        """The JSON of `data`. Raises Unfit for what graphql-core must tell."""
        parts: list[bytes] = []
        for root in self.plan.roots:
            value = await self._written(root, self.values[root.key])
            parts.append(b'"%b":%b' % (root.key.encode(), value))
        return b"{%b}" % b",".join(parts)

    async def read(self, reads: Sequence[Read], own: Sequence[Any]) -> list[Ready]:
        """What the reads find, in one statement, filled in. Raises BadUserInput for arguments that cannot be asked."""
        facts, key = facts_of(self.context.viewer), self.context.cursor_key
        road = together if self.is_shared else statement
        found = await road.run(reads, own, facts, self.arguments, key, self.plan.statements)
        return [
            await self._filled(read, each) if each is not None else NULL
            for read, each in zip(reads, found, strict=True)
        ]

    async def _value(self, root: Root) -> Any:
        if root.denied:
            return NULL
        if root.name == TYPENAME:
            return Ready(tree=root.type.name)
        if root.name.startswith("__"):
            return Unfit("introspection")
        return await self._trying(root, self._resolved(root) if root.spec is None else self._declared(root))

    async def _trying(self, root: Root, getting: Any) -> Any:
        try:
            return await getting
        except Exception as error:  # noqa: BLE001 - the field's value: graphql-core tells it, with its path
            return error

    async def _resolved(self, root: Root) -> Any:
        """What the field's own resolver returns."""
        if root.type is self.document.schema.mutation_type:
            self.context.decide_inputs = partial(self._decide_inputs, root)
            self.context.decided_for = self.viewer
        resolve = self.resolvers[root.type.name, root.name]
        found = resolve(None, self.info(root), **self.arguments.get(id(root.nodes[0]), {}))
        value = await found if isawaitable(found) else found
        await self._choose_payload(root)
        return value

    def _decide_inputs(self, root: Root, viewer: Viewer) -> None:
        node = root.nodes[0]
        asked = Input(f"{root.type.name}.{root.name}", root.definition, node, (root.key,))
        Inputs(viewer).check(asked, self.arguments.get(id(node), {}))

    async def _event(self, root: Root, value: Any) -> Any:
        if root.read is None:
            await self._choose_payload(root)
            held = self.payloads[root.key].held.get(type_name_of(value), ())
            return event_lists.cut(value, held, self._objects_of) if held else value
        return (await self.read([root.read], [getattr(value, root.python_name)]))[0]

    def _objects_of(self, read: Read) -> int:
        return statement.objects_of(read, self.arguments, self.context.cursor_key)

    async def _choose_payload(self, root: Root) -> None:
        """Decided with the plan, unless the viewer was unknown then, or is another since the field ran."""
        shape = facts_of(self.context.viewer).shape
        if root.payload is not None and shape is self.plan.shape:
            self.payloads[root.key] = root.payload
            return
        payload = late_payload(self.plan, root, shape)
        self.payloads[root.key] = payload
        if self.context.viewer != self.viewer:  # else it failed, and shows nothing that could be denied
            self.late_denials += payload.denials
        reader = Inputs(self.context.viewer)
        reader.read_written(payload.inputs)
        self.arguments = {**self.arguments, **reader.read(self.document, payload.inputs)}
        if self.context.viewer != self.viewer and not self.plan.searches:
            await self._count(payload.searches)

    async def _declared(self, root: Root) -> Ready:
        given = self.arguments.get(id(root.nodes[0]), {})
        match root.spec:
            case declare.ById(to=to):
                return await self._one(root, local_id(to, given["id"]))
            case declare.Own(find=find):
                return await self._one(root, find(self.context.viewer))
            case declare.AnyNode(many=True):
                return await self._nodes(root, given["ids"])
            case declare.AnyNode():
                found = await self._nodes(root, [given["id"]])
                return Ready(tree=found.tree[0], is_odd=found.is_odd)
        return await self._one(root, ())

    async def _one(self, root: Root, own: Any) -> Ready:
        assert root.read is not None
        return (await self.read([root.read], [own]))[0] if own is not None else NULL

    async def _nodes(self, root: Root, given: Sequence[str]) -> Ready:
        """A list of the rows behind global ids of whatever types, each type a column of one statement."""
        if len(given) > MOST_NODES:
            raise BadUserInput(f"At most {MOST_NODES} ids at once; {len(given)} were given.")
        found: list[Row | None] = [None] * len(given)
        places = _places_by_type(given)
        if not places:
            return Ready(tree=found)
        reads = [read_of_type(self.plan, root, name) for name in places]
        own = [[id_ for _, id_ in wanted] for wanted in places.values()]
        read = await self.read(reads, own)
        for (name, wanted), rows in zip(places.items(), read, strict=True):
            for (place, _), row in zip(wanted, rows.parsed(), strict=True):
                found[place] = Row(name, row) if row is not None else None
        return Ready(tree=found, is_odd=any(rows.is_odd for rows in read))

    async def _filled(self, read: Read, found: bytes) -> Ready:
        if not read.below.fills:
            return Ready(json=found)
        tree, fill = orjson.loads(found), Fill(self.context.viewer)
        await fill.into(read.below, tree)
        self.counted |= fill.counted
        return Ready(tree=tree, is_odd=fill.is_odd)

    async def _written(self, root: Root, value: Any) -> bytes:
        if isinstance(value, Exception):
            raise Unfit
        if isinstance(value, Ready):
            return value.json if value.json is not None else orjson.dumps(value.written())
        demands: list[Demand] = []
        made = self.payloads[root.key].complete(value, demands)
        if demands:
            for each, rows in zip(demands, await self._demanded(demands), strict=True):
                each.place[each.key] = rows.written()
        return orjson.dumps(made)

    async def _demanded(self, demands: Sequence[Demand]) -> list[Ready]:
        """The rows that a value holds. Raises Unfit for what cannot be asked of them, or not now: the field ran already."""
        try:
            return await self.read([each.read for each in demands], [each.own for each in demands])
        except (BadUserInput, CostExceeded, Unanswered) as refusal:
            raise Unfit from refusal

    def info(self, root: Root) -> Any:
        """As graphql-core would make it for the root field."""
        return GraphQLResolveInfo(
            field_name=root.name,
            field_nodes=root.nodes,
            return_type=root.definition.type,
            parent_type=root.type,
            path=Path(None, root.key, root.type.name),
            schema=self.document.schema,
            fragments=dict(self.document.fragments),
            root_value=None,
            operation=self.plan.operation,
            variable_values=self.document.variables,
            context=self.context,
            is_awaitable=is_awaitable,
            abort_signal=None,
            async_helpers=NO_HELPERS,
        )


def _places_by_type(given: Sequence[str]) -> dict[str, list[tuple[int, Any]]]:
    """By the type that each id names: its places among `given`, and the row's own id."""
    places: dict[str, list[tuple[int, Any]]] = {}
    for place, each in enumerate(given):
        name, id_ = type_and_id(each)
        places.setdefault(name, []).append((place, id_))
    return places

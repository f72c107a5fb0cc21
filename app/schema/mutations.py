"""How a mutation runs: one unit of work, the session read again inside it, faults told in the payload.

    @mutation(Permission.CONTACT_WRITE, contact=Contact)
    async def contact_update(act: Act, input: ContactUpdateInput) -> Returned:
        "Corrects a contact."
        contact = await contacts.update(act.member, now=act.now, **given(input))
        return {"contact": contact.id}

The payload type (`ContactUpdatePayload`) is made of the keyword arguments: a declared table is shown by the id that the
function returns, anything else as it is. `errors` is always there.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Schema
from strawberry.types.field import StrawberryField

from app import db
from app.engine.declare import Held, Table
from app.engine.guards import GUARD, LATE, SPEC, described, directives_of, value
from app.engine.types import describe_enum, graphql_name, make_type, new_field
from app.errors import Conflict, Fault, FaultCode, Invalid, NotFound
from app.jobs import Origin, UnitOfWork, unit_of_work
from app.policy import AccountViewer, Guard, Level, Member, Viewer
from app.schema.building import build_by_plan, built
from app.schema.context import Context
from app.schema.repeats import input_hash, key_of
from app.services import companies, idempotency

Returned = Mapping[str, Any]
MUTATIONS: dict[str, StrawberryField] = {}
_RESOLVERS: dict[str, tuple[Callable[..., Any], Mapping[str, Any]]] = {}

describe_enum(
    FaultCode,
    "What is wrong with a value that a person typed.",
    name="UserErrorCode",
    REQUIRED="It must be filled in.",
    INVALID="It is not of the right form; the message says which.",
    TOO_LONG="It is too long.",
    TOO_SHORT="It is too short.",
    OUT_OF_RANGE="It is too small, too large, too early or too late.",
    TAKEN="Another one has it already.",
    WRONG_PASSWORD="The password is not right.",  # noqa: S106
    WRONG_CREDENTIALS="E-mail and password do not belong together.",
    EXPIRED="The link was used, has expired or was replaced by a newer one.",
    STALE_VERSION="Somebody changed the record since it was read; read it again.",
    OPEN_REMINDERS="Reminders are open; say who takes them over.",
    LAST_ADMIN="A project always has an active admin.",
    NOT_ALLOWED="This value is not for this viewer to set.",
    NO_SENDER="No address to send from: set the project's e-mail.",
    WRONG_STATE="Not possible in the record's present state.",
)


@value(Level.ANONYMOUS)
class UserError:
    """Something the person in front of the screen can mend."""

    message: str = strawberry.field(description="A sentence for that person.")
    code: FaultCode = strawberry.field(description="What kind of fault, for programs.")
    path: list[str] = strawberry.field(description='The way into the input: ["input", "emails", "0"].')


@dataclass(slots=True)
class Act:
    """What a mutation works with, both read inside the transaction: `viewer`, and `now`, the database's clock.

    Before a transaction of its own `viewer` is the request's, and there is no `now`.
    """

    context: Context
    action: str
    guard: Guard
    viewer: Viewer
    now: datetime = field(init=False)

    @property
    def member(self) -> Member:
        """The viewer as the employee he is. Raises the refusal of Level.MEMBER otherwise."""
        self.viewer.require(Level.MEMBER)
        assert isinstance(self.viewer, Member)
        return self.viewer

    @property
    def account(self) -> AccountViewer:
        """The viewer as a signed-in account. Raises Unauthenticated otherwise."""
        self.viewer.require(Level.ACCOUNT)
        assert isinstance(self.viewer, AccountViewer)
        return self.viewer

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """For a mutation that has something slow to do first: opens the transaction and reads the session again."""
        origin = Origin(self.action, self.viewer, self.context.request_id, self.context.client_ip)
        async with unit_of_work(origin, first=self._look) as work:
            origin.viewer = self.viewer
            self.viewer.require(self.guard)
            if self.viewer != self.context.decided_for and self.context.decide_inputs is not None:
                self.context.decide_inputs(self.viewer)
            yield work

    async def _look(self) -> datetime:
        """At the database's clock and at who asks, in one statement."""
        self.viewer, self.now = await self.context.look_inside_transaction()
        return self.now

    async def become(self, token: str) -> None:
        """The rest of the answer is read as the viewer of this new session."""
        self.context.token = token
        self.viewer = await self.context.refresh()


Function = Callable[..., Awaitable[Returned]]


def mutation(
    guard: Guard, *, changes_viewer: bool = False, own_transaction: bool = False, **returns: Any
) -> Callable[[Function], Function]:
    """Registers a mutation under the function's name.

    `changes_viewer`: it signs in; its payload is authorised after it ran, for the new viewer. `own_transaction`: it
    opens `act.unit_of_work()` itself, after something slow.
    """

    def register(function: Function) -> Function:
        name = graphql_name(function.__name__)
        payload = _payload_type(name, guard, returns)
        resolver = _resolver(function, name, guard, returns, payload, changes_viewer, own_transaction)
        MUTATIONS[function.__name__] = strawberry.field(
            resolver=resolver,
            description=described(inspect.getdoc(function) or "", guard),
            directives=directives_of(guard),
            metadata={GUARD: guard, LATE: changes_viewer},
        )
        return function

    return register


def _payload_type(name: str, guard: Guard, returns: Mapping[str, Any]) -> Any:
    payload = make_type(f"{name[0].upper()}{name[1:]}Payload", f"What {name} answers.")
    add = payload.__strawberry_definition__.fields.append
    for field_name, type_ in returns.items():
        metadata: dict[str, Any] = {GUARD: Level.ANONYMOUS}
        if isinstance(type_, type) and issubclass(type_, Table):
            metadata[SPEC] = Held(guard=Level.ANONYMOUS, description="", to=type_.__name__)
        description = f"Null if there are errors: {graphql_name(field_name)}."
        add(new_field(field_name, type_ | None, description, owner=payload, metadata=metadata))
    errors = "What to mend; nothing was written if there are any."
    add(new_field("errors", list[UserError], errors, owner=payload, metadata={GUARD: Level.ANONYMOUS}))
    return payload


def _resolver(
    function: Function,
    name: str,
    guard: Guard,
    returns: Mapping[str, Any],
    payload: Any,
    changes_viewer: bool,
    own_transaction: bool,
) -> Callable[..., Any]:
    parameters = list(inspect.signature(function).parameters.values())
    asked = [_described(parameter) for parameter in parameters[1:]]
    for parameter in parameters[1:]:
        build_by_plan(parameter.annotation)

    async def resolve(info: strawberry.Info, **arguments: Any) -> Any:
        context: Context = info.context
        act = Act(context, name, guard, context.viewer)
        run = _Run(function, act, arguments.get("input"), returns, own_transaction)
        try:
            values = await run.with_the_register_if_needed()
        except Invalid as invalid:
            return SimpleNamespace(
                **dict.fromkeys(returns), errors=[_user_error(fault) for fault in invalid.faults]
            )
        except NotFound as absent:
            absent.input_path = ("input", *absent.input_path)
            raise
        return SimpleNamespace(**{**dict.fromkeys(returns), **values}, errors=[])

    info_parameter = inspect.Parameter(
        "info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info
    )
    resolve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [info_parameter, *asked], return_annotation=payload | None
    )
    resolve.__name__ = function.__name__
    resolve.__module__ = function.__module__
    _RESOLVERS[name] = resolve, {parameter.name: parameter.annotation for parameter in parameters[1:]}
    return resolve


def connect_mutations(schema: Schema, resolvers: dict[tuple[str, str], Any]) -> None:
    """Puts what runs them into the engine's resolvers: Strawberry's asks anew each time how arguments are converted."""

    def directly(resolve: Callable[..., Any], inputs: Mapping[str, Any]) -> Callable[..., Any]:
        def run(source: Any, info: Any, **sent: Any) -> Any:
            return resolve(info, **{name: built(inputs[name], value, schema) for name, value in sent.items()})

        return run

    for name, (resolve, inputs) in _RESOLVERS.items():
        resolvers["Mutation", name] = directly(resolve, inputs)


def _described(parameter: inspect.Parameter) -> inspect.Parameter:
    """An input says itself what is in it."""
    described_type: Any = Annotated[
        parameter.annotation, strawberry.argument(description="What to do it with.")
    ]
    return parameter.replace(annotation=described_type)


@dataclass(slots=True)
class _Run:
    """One request of one mutation."""

    function: Function
    act: Act
    sent: Any
    returns: Mapping[str, Any]
    own_transaction: bool

    async def with_the_register_if_needed(self) -> Returned:
        """Runs; once more, knowing what the business register says, if that decides: no transaction waits for it."""
        try:
            return await self.twice_if_raced()
        except companies.RegisterNeeded as needed:
            ico = needed.ico
        async with companies.asked_about(self.act.account, ico):
            return await self.twice_if_raced()

    async def twice_if_raced(self) -> Returned:
        """Runs; once more if another transaction was quicker, so that the rules see what that one wrote."""
        for attempt in (1, 2):
            try:
                return await self._once()
            except Exception as error:
                if attempt == 1 and self._may_be_outrun(error):
                    continue
                if db.is_race(error):
                    raise Conflict("Somebody changed the same thing at this moment. Try again.") from error
                raise
        raise AssertionError("unreachable")

    def _may_be_outrun(self, error: Exception) -> bool:
        """Of parallel repeats with one key the first may have done it since the key was looked for: TAKEN, say, by itself."""
        if db.is_race(error):
            return True
        return isinstance(error, Invalid) and not self.own_transaction and key_of(self.sent) is not None

    async def _once(self) -> Returned:
        if self.own_transaction:
            return await self._call()
        async with self.act.unit_of_work():
            return await self._call_unless_repeated()

    async def _call(self) -> Returned:
        return await self.function(self.act, *([self.sent] if self.sent is not None else []))

    async def _call_unless_repeated(self) -> Returned:
        key = key_of(self.sent)
        if key is None:
            return await self._call()
        sent_hash = input_hash(self.sent)
        earlier = await idempotency.earlier(
            self.act.account, self.act.action, key, sent_hash, now=self.act.now
        )
        if earlier is not None:
            return {name: self._revived(name, kept) for name, kept in earlier.items()}
        values = await self._call()
        idempotency.keep(self.act.account, self.act.action, key, sent_hash, values, now=self.act.now)
        return values

    def _revived(self, name: str, kept: Any) -> Any:
        type_ = self.returns[name]
        return UUID(kept) if kept and isinstance(type_, type) and issubclass(type_, Table) else kept


def _user_error(fault: Fault) -> UserError:
    path = ["input", *(graphql_name(step) for step in fault.path)]
    return UserError(message=fault.message, code=fault.code, path=path)

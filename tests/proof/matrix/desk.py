"""Where the viewers of the matrix come to ask: one employee's row, given another set of roles for each of them.

The application makes the viewer of that row and of a session of his, as it does for every request; his grants are
compared with the policy before he asks anything.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import orjson
from argon2 import PasswordHasher
from tortoise.transactions import in_transaction

from app import config, db, jobs, security
from app.integrations.ares import Company, VatRegistration
from app.integrations.pubsub import Hub
from app.models import Employee, Partner
from app.policy import Member, Viewer
from app.schema import build, execution
from app.schema.context import ClientInfo, Context
from app.schema.documents import Document, DocumentSchema
from app.services import sessions
from tests.graphql import SETTINGS
from tests.proof.matrix.contract import Contract, the_contract
from tests.proof.matrix.policy_table import PolicyTable, Who, the_policy
from tests.proof.matrix.roads import Roads
from tests.proof.matrix.sight import Sight
from tests.proof.matrix.world import TOKEN, World, make_world, write

CLIENT = ClientInfo("192.0.2.1", "matrix")
REFUSED = "FORBIDDEN"
#: An answer that takes longer never comes.
PATIENCE_S = 20


@dataclass(frozen=True)
class Got:
    """An answer. `data` None: nothing was executed. `statements`: how many the database was asked for it."""

    data: Any
    errors: Sequence[Mapping[str, Any]] = ()
    statements: int = 0

    @property
    def denials(self) -> list[Mapping[str, Any]]:
        return [error for error in self.errors if error["extensions"]["code"] == REFUSED]

    @property
    def other_codes(self) -> list[str]:
        codes = [error["extensions"]["code"] for error in self.errors]
        return [code for code in codes if code != REFUSED]


class _Counter(logging.Handler):
    """Counts what the database is asked."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


@contextmanager
def _counting() -> Any:
    log, counter = logging.getLogger("tortoise.db_client"), _Counter()
    level, propagates = log.level, log.propagate
    log.addHandler(counter)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield counter
    finally:
        log.removeHandler(counter)
        log.setLevel(level)
        log.propagate = propagates


class _RolledBack(Exception):
    """Ends the transaction around a mutation."""


@dataclass(eq=False)
class Desk:
    """Asks for one viewer at a time. Open it with `open_desk`."""

    world: World
    counter: _Counter
    schema: DocumentSchema = field(default_factory=build)
    policy: PolicyTable = field(default_factory=the_policy)
    contract: Contract = field(default_factory=the_contract)
    hub: Hub = field(default_factory=lambda: Hub("unix:///nowhere"))
    documents: dict[str, Document] = field(default_factory=dict)
    sight: Sight = field(init=False)
    viewer: Member = field(init=False)

    def __post_init__(self) -> None:
        self.roads = Roads.through(self.schema._schema)

    @property
    def who(self) -> Who:
        return self.sight.who

    def may(self, permissions: Sequence[str]) -> bool:
        return self.policy.may(self.who, permissions)

    async def seat(self, who: Who) -> None:
        """The next viewer. Raises AssertionError if the application gives him other rights than the policy does."""
        me = self.world.of(Employee)[0].record
        partner = self.world.the(Partner).record
        values = {
            "roles": who.roles,
            "can_delete_contacts": who.flags,
            "can_send_bulk_email": who.flags,
            "partner_id": partner.id if who.partner else None,
        }
        await Employee.filter(id=me.id).update(**values)
        for name, value in values.items():
            setattr(me, name, value)
        sessions.BELIEVED.clear()
        viewer = await sessions.read(TOKEN)
        assert isinstance(viewer, Member)
        self.viewer, self.sight = viewer, Sight(who, self.policy, self.contract, self.world)
        granted = {permission.name: reach.name.lower() for permission, reach in viewer.grants.items()}
        wanted = {name: reach for name in self.policy.rows if (reach := self.policy.reach(who, name))}
        assert granted == wanted, f"{who} is granted {granted}; the policy says {wanted}"

    async def ask(self, text: str, variables: Mapping[str, Any]) -> Got:
        """The answer to a query, or to a mutation that is refused."""
        return await self.ask_inside(text, variables)

    async def ask_inside(self, text: str, variables: Mapping[str, Any]) -> Got:
        """The same in this very task, and in the transaction that is open."""
        document, before = self._read(text), self.counter.count
        async with asyncio.timeout(PATIENCE_S):
            answer = await execution.run(
                self.schema, document, document.operation(None), variables, self._context()
            )
        return _got(answer, self.counter.count - before)

    async def try_out(self, text: str, variables: Mapping[str, Any]) -> Got:
        """The answer to a mutation, whose changes are taken back."""
        got = Got(None)
        try:
            async with in_transaction():
                got = await self.ask_inside(text, variables)
                raise _RolledBack
        except _RolledBack:
            return got

    async def listen(self, text: str, variables: Mapping[str, Any]) -> Got:
        """The first answer of a subscription."""
        document, before = self._read(text), self.counter.count
        answers = execution.subscribe(
            self.schema, document, document.operation(None), variables, self._context()
        )
        async with asyncio.timeout(PATIENCE_S), aclosing(answers):
            async for answer in answers:
                return _got(answer, self.counter.count - before)
        return Got(None)

    def _read(self, text: str) -> Document:
        if text not in self.documents:
            document = self.schema.documents.read(text)
            assert not document.errors, f"{[str(each) for each in document.errors]}\n{text}"
            self.documents[text] = document
        return self.documents[text]

    def _context(self) -> Context:
        return Context(self.viewer, TOKEN, CLIENT, "matrix", _authenticate, self.hub, config.settings())


async def _authenticate(token: str | None, client: Any, *, anew: bool = False) -> Viewer:
    """As the application does, but in the transaction that is open: it is to be taken back."""
    return await sessions.read(token) if token else Viewer()


def _got(answer: execution.Answer, statements: int) -> Got:
    data = None if answer.data is None else orjson.loads(answer.data)
    return Got(data, [error.formatted for error in answer.errors], statements)


async def _registered(viewer: Any, ico: str) -> Company:
    """What the business register would answer."""
    return Company(
        ico="27082440",
        name="Firma",
        legal_form=None,
        active=True,
        vat_id="CZ27082440",
        vat_group="CZ699001182",
        vat_registration=VatRegistration.GROUP,
        address=None,
        founded_on=None,
        dissolved_on=None,
    )


@asynccontextmanager
async def open_desk(url: str, kind: type[Desk] = Desk) -> AsyncIterator[Desk]:
    """A desk over a migrated, empty database, which this process is connected to meanwhile."""
    config.use(config.load(**SETTINGS))
    build()
    await db.connect(url)
    jobs.bind(None, None)
    try:
        world = make_world()
        await write(world)
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        with (
            _counting() as counter,
            patch.object(security, "_hasher", quick),
            patch.object(security, "DUMMY_HASH", quick.hash("nobody has this password")),
            patch("app.schema.accounts.RESET_REQUEST_TAKES_S", 0.0),
            patch("app.services.companies.lookup", _registered),
        ):
            yield kind(world, counter)
    finally:
        await db.close()
        config.use(None)

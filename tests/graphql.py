"""A GraphQL client without a network: the real schema, a real session row, a real context.

    answer = await as_role("SALES_REP").run(CONTACT_CREATE, input={"name": "Novák"})
    assert answer.faults("contactCreate") == [] and answer.data["contactCreate"]["contact"]["name"] == "Novák"

Rows among the variables are sent as their global ids. The fixtures at the end are used by every test in tests/schema and
tests/services.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest
from argon2 import PasswordHasher

from app import config, jobs, security
from app.engine.ids import global_id, type_and_id
from app.jobs import Job, QueuedJob
from app.models import Account, Employee, Project, Table
from app.policy import Role
from app.schema import build, execution
from app.schema.context import ClientInfo, Context
from app.schema.documents import Document
from app.schema.errors import presented
from app.security import new_token, token_hash
from app.services import sessions
from tests.factories import make_account, make_employee, make_project, make_session

PASSWORD = "spravne heslo"
OTHER_PASSWORD = "jine spravne heslo"
SETTINGS: Mapping[str, Any] = {
    "environment": "test",
    "secret_key": config.TEST_SECRET_KEY,
    "database_url": "sqlite:///unused.db",
    "redis_url": "unix:///unused",
    "public_url": "https://crm.example.com",
    "smtp_url": "smtp://localhost:25",
    "smtp_from": "divize@example.com",
}

_requests = count(1)


@dataclass(frozen=True)
class Answer:
    """What a client gets. `errors` are the top-level ones, as they stand in the JSON."""

    data: Any
    errors: list[dict[str, Any]]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]

    def faults(self, mutation: str) -> list[tuple[str, str]]:
        """(path, code) of the UserErrors in a payload: `[("input.name", "REQUIRED")]`. Fails on top-level errors."""
        assert self.errors == [], self.errors
        return [(".".join(error["path"]), error["code"]) for error in self.data[mutation]["errors"]]


@dataclass
class Client:
    """Somebody who asks. His session begins with his first request, unless he has none."""

    account: Account | None = None
    employee: Employee | None = None
    token: str | None = None
    ip: str = "192.0.2.1"
    user_agent: str = "pytest"
    hub: Any = None
    _role: tuple[tuple[Role | str, ...], Project | None, Mapping[str, Any]] | None = field(
        default=None, repr=False
    )

    async def run(self, document: str, operation_name: str | None = None, /, **variables: Any) -> Answer:
        """Runs a query or a mutation."""
        context = await self.context()
        return await answer_of(build().documents.read(document), operation_name, variables, context)

    async def subscribe(self, document: str, /, **variables: Any) -> AsyncGenerator[Answer, None]:
        """The answers of a subscription, one an event; close it (`aclosing`) to unsubscribe."""
        schema = build()
        read = schema.documents.read(document)
        assert not read.errors, read.errors
        context = await self.context()
        answers = execution.subscribe(schema, read, read.operation(None), _sent(variables), context)
        async with aclosing(answers):
            async for answer in answers:
                yield _answer(answer.data, answer.errors)

    async def context(self) -> Context:
        """The context of one operation, made as the transports make it."""
        await self.sign_in()
        client, request_id = ClientInfo(self.ip, self.user_agent), f"request-{next(_requests)}"
        return await Context.open(
            self.token, client, request_id, sessions.authenticate, self.hub, config.settings()
        )

    async def sign_in(self) -> "Client":
        """Makes the rows that are missing: the employee of `as_role`, the session."""
        if self._role is not None and self.employee is None:
            roles, project, values = self._role
            self.employee = await make_employee(project or await make_project(), roles, **values)
        if self.token is None and (self.employee or self.account):
            if self.account is None and self.employee is not None:
                self.account = await Account.get(id=self.employee.account_id)
            assert self.account is not None
            self.token = new_token()
            await make_session(
                self.account, self.employee, token_hash=token_hash(self.token), client_ip=self.ip
            )
        return self


async def answer_of(
    document: Document,
    operation_name: str | None,
    variables: Mapping[str, Any],
    context: Context,
    *,
    only_core: bool = False,
) -> Answer:
    """The answer to one operation of a document that was read."""
    if document.errors:
        return _answer(None, presented(document.errors, context.request_id))
    operation, sent = document.operation(operation_name), _sent(variables)
    answer = await execution.run(build(), document, operation, sent, context, only_core=only_core)
    return _answer(answer.data, answer.errors)


def anonymous(ip: str = "192.0.2.1") -> Client:
    """Somebody who is not signed in."""
    return Client(ip=ip)


def as_account(account: Account) -> Client:
    """A session that has not entered a project."""
    return Client(account=account)


def as_employee(employee: Employee) -> Client:
    """A session in the employee's project."""
    return Client(employee=employee)


def as_role(*roles: Role | str, project: Project | None = None, **values: Any) -> Client:
    """A new employee with these roles, in `project` or a new one. After the first request: `client.employee`."""
    return Client(_role=(roles, project, values))


def with_token(token: str) -> Client:
    """Whoever holds this token."""
    return Client(token=token)


def gid(row: Table) -> str:
    """The global id of a row."""
    return global_id(type(row).__name__, row.id)


def code_of_id(given: Any, type_name: str) -> str:
    """How the id of a row of this type is refused that is none of the viewer's; or an id of another type, or none."""
    try:
        found = type(given).__name__ if isinstance(given, Table) else type_and_id(given)[0]
    except ValueError:
        return "BAD_USER_INPUT"
    return "NOT_FOUND" if found == type_name else "BAD_USER_INPUT"


async def make_account_with_password(password: str = PASSWORD, **values: Any) -> Account:
    return await make_account(password_hash=await security.hash_password(password), **values)


def _sent(value: Any) -> Any:
    """Variables as JSON would carry them."""
    if isinstance(value, Mapping):
        return {name: _sent(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sent(each) for each in value]
    if isinstance(value, Table):
        return gid(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _answer(data: Any, errors: Any) -> Answer:
    return Answer(
        None if data is None else orjson.loads(data), [dict(error.formatted) for error in errors or ()]
    )


class SentJob(NamedTuple):
    """A job that was given to the queue after a commit."""

    job: Job
    ids: tuple[str, ...]
    at: datetime | None


@dataclass
class Bells:
    """What left the unit of work after its commit."""

    jobs: list[SentJob] = field(default_factory=list)
    rings: list[str] = field(default_factory=list)


@pytest.fixture
def settings() -> Iterator[config.Settings]:
    """Those of a test; `config.override(…)` changes some for a block."""
    loaded = config.load(**SETTINGS)
    config.use(loaded)
    yield loaded
    config.use(None)


@pytest.fixture
def bells() -> Iterator[Bells]:
    """Queue and doorbell of this test."""
    heard = Bells()

    async def send(queued: Sequence[QueuedJob]) -> None:
        heard.jobs.extend(SentJob(*each) for each in queued)

    async def ring(channels: Sequence[str]) -> None:
        heard.rings.extend(channels)

    jobs.bind(send, ring)
    yield heard
    jobs.bind(None, None)


@pytest.fixture
def sent_jobs(bells: Bells) -> list[SentJob]:
    return bells.jobs


@pytest.fixture
def rings(bells: Bells) -> list[str]:
    return bells.rings


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes by parameters that take a millisecond, the one for accounts that are not there too."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(security, "_hasher", quick)
    monkeypatch.setattr(security, "DUMMY_HASH", quick.hash("nobody has this password"))

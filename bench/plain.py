"""The yardstick `plain`: an ordinary Strawberry + Tortoise + DataLoader server over the same tables.

    python -m bench.plain PORT DATABASE_URL TENANTS

Written as those libraries' manuals show it, a model instance per row and a loader per relation, with what costs
nothing to do well: one pool of ten, uvloop, httptools, orjson. It narrows rows to the project and has neither sessions
nor permissions nor audit, so it does less than ours. Its answers are equal to ours: `bench.run` compares them.
"""

import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info
from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from app import db, models
from app.engine.ids import global_id, local_id
from app.engine.scalars import SCALARS
from app.models import ActivityKind, Area, ContactStatus, ReminderState
from bench.limit import POOL, serve
from bench.workload import Tenant, cursor, kept, place

T = TypeVar("T", bound=models.Table)

for enum in (ActivityKind, Area, ContactStatus, ReminderState):
    strawberry.enum(enum)


class Context:
    """One request's: the tenant and the loaders."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.divisions = DataLoader(load_fn=self._load_divisions)
        self.employees = DataLoader(load_fn=self._load_employees)
        self.activities = DataLoader(load_fn=self._load_activities)
        self.reminders = DataLoader(load_fn=self._load_reminders)

    async def _load_divisions(self, ids: list[UUID]) -> list[models.Division | None]:
        return await self._by_ids(models.Division, ids)

    async def _load_employees(self, ids: list[UUID]) -> list[models.Employee | None]:
        return await self._by_ids(models.Employee, ids)

    async def _by_ids(self, model: type[T], ids: list[UUID]) -> list[T | None]:
        rows = await model.filter(id__in=ids, project_id=self.tenant.project_id)
        found = {row.id: row for row in rows}
        return [found.get(each) for each in ids]

    async def _load_activities(self, contact_ids: list[UUID]) -> list[list[models.Activity]]:
        rows = await models.Activity.filter(
            contact_id__in=contact_ids, project_id=self.tenant.project_id
        ).order_by("-occurred_at", "-id")
        found: dict[UUID, list[models.Activity]] = defaultdict(list)
        for row in rows:
            found[row.contact_id].append(row)
        return [found[each] for each in contact_ids]

    async def _load_reminders(self, keys: list[tuple[UUID, ReminderState]]) -> list[list[models.Reminder]]:
        rows = await models.Reminder.filter(
            contact_id__in=[contact_id for contact_id, _ in keys],
            state__in=list({state for _, state in keys}),
            project_id=self.tenant.project_id,
        ).order_by("due_at", "id")
        found: dict[Any, list[models.Reminder]] = defaultdict(list)
        for row in rows:
            found[row.contact_id, row.state].append(row)
        return [found[each] for each in keys]


@strawberry.enum
class SortDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.input
class ContactOrderBy:
    name: SortDirection


@strawberry.input
class ActivityOrderBy:
    occurred_at: SortDirection


@strawberry.input
class ReminderStateFilter:
    eq: ReminderState


@strawberry.input
class ReminderWhere:
    state: ReminderStateFilter


@strawberry.type
class Division:
    id: strawberry.ID
    name: str


@strawberry.type
class Employee:
    id: strawberry.ID
    name: str


@strawberry.type
class Activity:
    id: strawberry.ID
    kind: ActivityKind
    summary: str
    occurred_at: datetime
    author_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, row: models.Activity) -> "Activity":
        id_ = strawberry.ID(global_id("Activity", row.id))
        return cls(
            id=id_,
            kind=row.kind,
            summary=row.summary,
            occurred_at=row.occurred_at,
            author_id=row.author_id,
        )

    @strawberry.field
    async def author(self, info: Info[Context, None]) -> Employee | None:
        row = await info.context.employees.load(self.author_id)
        return Employee(id=strawberry.ID(global_id("Employee", row.id)), name=row.name) if row else None


@strawberry.type
class Reminder:
    id: strawberry.ID
    title: str
    due_at: datetime

    @classmethod
    def of(cls, row: models.Reminder) -> "Reminder":
        return cls(id=strawberry.ID(global_id("Reminder", row.id)), title=row.title, due_at=row.due_at)


@strawberry.type
class ActivityConnection:
    nodes: list[Activity]


@strawberry.type
class ReminderConnection:
    nodes: list[Reminder]


@strawberry.type
class Contact:
    id: strawberry.ID
    name: str
    ico: str | None
    vat_id: str | None
    status: ContactStatus
    email: str | None
    phone: str | None
    web: str | None
    city: str | None
    postal_code: str | None
    created_at: datetime
    updated_at: datetime
    row_id: strawberry.Private[UUID]
    division_id: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, row: models.Contact) -> "Contact":
        return cls(
            id=strawberry.ID(global_id("Contact", row.id)),
            name=row.name,
            ico=row.ico,
            vat_id=row.vat_id,
            status=row.status,
            email=row.email,
            phone=row.phone,
            web=row.web,
            city=row.city,
            postal_code=row.postal_code,
            created_at=row.created_at,
            updated_at=row.updated_at,
            row_id=row.id,
            division_id=row.division_id,
        )

    @strawberry.field
    async def division(self, info: Info[Context, None]) -> Division | None:
        if self.division_id is None:
            return None
        row = await info.context.divisions.load(self.division_id)
        return Division(id=strawberry.ID(global_id("Division", row.id)), name=row.name) if row else None

    @strawberry.field
    async def activities(
        self, info: Info[Context, None], first: int, order_by: list[ActivityOrderBy]
    ) -> ActivityConnection:
        rows = await info.context.activities.load(self.row_id)
        return ActivityConnection(nodes=[Activity.of(row) for row in rows[:first]])

    @strawberry.field
    async def reminders(
        self, info: Info[Context, None], first: int, where: ReminderWhere
    ) -> ReminderConnection:
        rows = await info.context.reminders.load((self.row_id, where.state.eq))
        return ReminderConnection(nodes=[Reminder.of(row) for row in rows[:first]])


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class ContactEdge:
    cursor: str
    node: Contact


@strawberry.type
class ContactConnection:
    page_info: PageInfo
    edges: list[ContactEdge]


@strawberry.type
class Query:
    @strawberry.field
    async def contact(self, info: Info[Context, None], id: strawberry.ID) -> Contact | None:  # noqa: A002
        row = await models.Contact.get_or_none(
            id=local_id("Contact", id), project_id=info.context.tenant.project_id
        )
        return Contact.of(row) if row else None

    @strawberry.field
    async def contacts(
        self, info: Info[Context, None], first: int, order_by: list[ContactOrderBy], after: str | None = None
    ) -> ContactConnection:
        tenant, (key, id_) = info.context.tenant, place(after)
        beyond = Q(sort_key__gt=key) | Q(sort_key=key, id__gt=id_)
        in_project = models.Contact.filter(beyond, project_id=tenant.project_id)
        rows = await in_project.order_by("sort_key", "id").limit(first + 1)
        edges = [
            ContactEdge(cursor=cursor(tenant.cursor_tag, row.sort_key, row.id), node=Contact.of(row))
            for row in rows[:first]
        ]
        end = edges[-1].cursor if edges else None
        return ContactConnection(
            page_info=PageInfo(has_next_page=len(rows) > first, end_cursor=end), edges=edges
        )


@strawberry.input
class ActivityRecordInput:
    contact_id: strawberry.ID
    kind: ActivityKind
    area: Area
    summary: str


@strawberry.type
class UserError:
    code: str


@strawberry.type
class ActivityRecordPayload:
    activity: Activity | None
    errors: list[UserError]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def activity_record(
        self,
        info: Info[Context, None],
        input: ActivityRecordInput,  # noqa: A002
    ) -> ActivityRecordPayload:
        tenant, now = info.context.tenant, datetime.now(UTC)
        async with in_transaction():
            contact = await models.Contact.get_or_none(
                id=local_id("Contact", input.contact_id), project_id=tenant.project_id
            )
            if contact is None:
                return ActivityRecordPayload(activity=None, errors=[UserError(code="NOT_FOUND")])
            row = await models.Activity.create(
                project_id=tenant.project_id,
                contact_id=contact.id,
                author_id=tenant.employee_id,
                kind=input.kind,
                area=input.area,
                summary=input.summary,
                occurred_at=now,
                created_at=now,
            )
        return ActivityRecordPayload(activity=Activity.of(row), errors=[])


class View(GraphQL[Context, None]):
    """Strawberry's own ASGI view, with orjson instead of json."""

    def __init__(self, tenants: Mapping[str, Tenant]) -> None:
        schema = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))
        super().__init__(schema, graphql_ide=None)
        self.tenants = {f"Bearer {token}": tenant for token, tenant in tenants.items()}

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(self.tenants[request.headers["authorization"]])

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def create_app(url: str, tenants: Mapping[str, Tenant]) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await db.connect(url, pool_size=POOL)
        yield
        await db.close()

    return Starlette(lifespan=lifespan, routes=[Route("/graphql", View(tenants))])


def main(arguments: Sequence[str]) -> None:
    port, url, tenants = arguments
    serve(create_app(url, kept(Path(tenants))), int(port))


if __name__ == "__main__":
    main(sys.argv[1:])

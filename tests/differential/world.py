"""The world that operations are asked about: varied, full of nulls and ties, the same rows whenever it is made.

Two projects and an account that works in both, so that there is something to leak. Who asks is in `cast.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from app import models
from app.models import Division, Partner, Project, Table
from app.text import sort_key
from tests.differential.cast import add_cast
from tests.differential.records import add_records
from tests.differential.words import CITIES, NAMES
from tests.factories import FAR_AWAY, NOON

T = TypeVar("T")
Row = TypeVar("Row", bound=Table)
NULLS = 0.3


@dataclass
class World:
    """Rows by table, in the order in which they can be written."""

    chance: Random = field(default_factory=lambda: Random(20261124))
    rows: dict[type[Table], list[Any]] = field(default_factory=dict)

    def add(self, model: type[Row], **values: Any) -> Row:
        row = model(id=self.new_id(), **values)
        self.rows.setdefault(model, []).append(row)
        return row

    def of(self, model: type[Row], project: Project | None = None) -> list[Row]:
        found: list[Any] = self.rows.get(model, [])
        return [row for row in found if project is None or row.project_id == project.id]

    def new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def sparse(self, values: Sequence[T]) -> T | None:
        """One of them, or nothing three times of ten."""
        return None if self.chance.random() < NULLS else self.chance.choice(values)

    def one(self, values: Sequence[T]) -> T:
        return self.chance.choice(values)

    def moment(self) -> datetime:
        """One of few, so that many rows share theirs; some are finer than what is kept of them."""
        return NOON + timedelta(
            hours=self.chance.randrange(5), microseconds=self.chance.choice((0, 0, 120_000, 120_001, 999_999))
        )

    def address(self) -> dict[str, Any]:
        """The columns of an address, which may be no address at all."""
        if self.chance.random() < NULLS:
            return dict.fromkeys(("street", "city", "postal_code", "country"))
        return {
            "street": self.sparse(["Dlouhá 1", "U \\lomu\\ 7", "č. p. 12"]),
            "city": self.sparse(CITIES),
            "postal_code": self.sparse(["60200", "59101"]),
            "country": self.sparse(["CZ", "SK"]),
        }

    def named(self, name: str) -> dict[str, str]:
        return {"name": name, "sort_key": sort_key(name)}


def make_world() -> World:
    """The rows, made anew: give them to one database. Needs a connection, for models to know their columns."""
    world = World()
    creator = add_account(world, "zakladatelka@example.cz")
    for number, share in enumerate((1.0, 0.2)):
        project = _project(world, creator, number)
        _surroundings(world, project)
        add_cast(world, project, add_account)
        add_records(world, project, share)
    _waiting_project(world, creator)
    return world


async def write(world: World) -> None:
    """Puts the rows into the database this process is connected to."""
    for model, rows in world.rows.items():
        await model.bulk_create(rows, batch_size=200)


def add_account(world: World, email: str) -> models.Account:
    return world.add(
        models.Account,
        email=email,
        name=world.one(NAMES),
        email_verified_at=world.sparse([NOON]),
        created_at=NOON,
        updated_at=NOON,
    )


def _project(world: World, creator: models.Account, number: int, **values: Any) -> Project:
    return world.add(
        Project,
        **world.named(("Čisté dvory", "Firma „na druhé straně“")[number % 2]),
        **{**_base_data(world), "ico": "27082440", "city": "Žďár", "email": "firma@example.cz"},
        email_verified_at=NOON,
        created_by_id=creator.id,
        created_at=NOON,
        updated_at=world.moment(),
        **values,
    )


def _waiting_project(world: World, creator: models.Account) -> None:
    """A project that its admin may take back for a long time to come."""
    project = _project(world, creator, 1, deletion_requested_at=NOON, purge_after=FAR_AWAY)
    add_cast(world, project, add_account, only="everywhere")


def _base_data(world: World) -> dict[str, Any]:
    return {
        "ico": world.sparse(["27082440", "00006947"]),
        "registration_number": world.sparse(["HRB 86891"]),
        "registration_country": world.sparse(["DE"]),
        "vat_id": world.sparse(["CZ27082440", "CZ00006947"]),
        "tax_number": world.sparse(["2020317068"]),
        "legal_form": world.sparse(["s. r. o.", 'a."s.']),
        "email": world.sparse(["info@example.cz", "b2b@example.cz"]),
        **world.address(),
    }


def _surroundings(world: World, project: Project) -> None:
    """Divisions and partners."""
    for name in ("B2B", "B2C", "Čáslav", "Chrudim", "Čáslav"):
        world.add(
            Division,
            project_id=project.id,
            **world.named(name),
            **_base_data(world),
            email_verified_at=world.sparse([NOON]),
            archived_at=NOON if name == "Chrudim" else None,
            created_at=world.moment(),
            updated_at=NOON,
        )
    for name in ("Call centrum Šíp", "Call centrum Šíp", "Volám & syn"):
        world.add(
            Partner,
            project_id=project.id,
            **world.named(name),
            archived_at=world.sparse([NOON]),
            created_at=world.moment(),
        )

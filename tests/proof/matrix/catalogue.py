"""Everything there is to check, made from the built schema: a new field is in it without a word."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from graphql import GraphQLInputObjectType, get_named_type, is_required_argument

from app.engine.guards import LATE, metadata_of
from tests.proof.matrix.asking import MOST_TOGETHER, Asking, asks_of, gives_page
from tests.proof.matrix.contract import Contract
from tests.proof.matrix.desk import Desk
from tests.proof.matrix.mutating import Mutating, coordinates_of
from tests.proof.matrix.reading import MOST_FIELDS, Question, Reading
from tests.proof.matrix.recording import recordings
from tests.proof.matrix.roads import Composite, Road, Roads
from tests.proof.matrix.truth import Picked
from tests.proof.matrix.verdicts import Verdicts

T = TypeVar("T")


class Probe(Protocol):
    """One or a few operations; `size` is how many checks they are at most."""

    @property
    def size(self) -> int: ...

    async def check(self, desk: Desk, picked: Picked, verdicts: Verdicts) -> None: ...

    def questions(self, contract: Contract) -> Iterator[Question]: ...


def probes(roads: Roads, contract: Contract) -> list[Probe]:
    """Every part of the schema by every road."""
    readings = (*_readings(roads, contract), *_given_arguments(roads))
    return [*readings, *_askings(roads, contract), *_mutatings(roads), *recordings()]


def _readings(roads: Roads, contract: Contract) -> Iterator[Reading]:
    for kind, root in roads.root_types().items():
        if kind != "mutation":
            yield from (Reading(Road(kind, (), root.name), (name,)) for name in root.fields)
    for type_name, found in roads.to.items():
        fields = list(roads.type_of(type_name).fields)
        free = [name for name in fields if not contract.own(f"{type_name}.{name}")]
        for road in found:
            readable = free if _signs_in(roads, road) else fields
            yield from (Reading(road, part) for part in _parts(readable, MOST_FIELDS))


def _given_arguments(roads: Roads) -> Iterator[Reading]:
    """Arguments that may be left out, of fields that give no page."""
    starts = [Road(kind, (), root.name) for kind, root in roads.root_types().items() if kind != "mutation"]
    for road in (*starts, *roads.shortest.values()):
        type_ = roads.type_of(road.target)
        for name, field in type_.fields.items():
            if not gives_page(type_, name):
                optional = (key for key, each in field.args.items() if not is_required_argument(each))
                yield from (Reading(road, (name,), key) for key in optional)


def _signs_in(roads: Roads, road: Road) -> bool:
    """Is what lies at its end shown to another viewer than the one who asks?"""
    first = roads.type_of(road.steps[0].owner).fields[road.steps[0].name]
    return bool(metadata_of(first).get(LATE))


def _askings(roads: Roads, contract: Contract) -> Iterator[Asking]:
    query = roads.root_types()["query"]
    shortest = [road for road in roads.shortest.values() if road.kind == "query"]
    for road in [Road("query", (), query.name), *shortest]:
        type_ = roads.type_of(road.target)
        for name in type_.fields:
            if gives_page(type_, name):
                yield from _asking(roads, contract, road, type_, name)


def _asking(roads: Roads, contract: Contract, road: Road, type_: Composite, name: str) -> Iterator[Asking]:
    asks = list(asks_of(roads.schema, contract, f"{type_.name}.{name}", type_.fields[name].args))
    yield from (Asking(road, name, part) for part in _parts(asks, MOST_TOGETHER))


def _mutatings(roads: Roads) -> Iterator[Mutating]:
    for name, field in roads.root_types()["mutation"].fields.items():
        if "input" not in field.args:
            yield Mutating(name, "", ())
            continue
        type_ = get_named_type(field.args["input"].type)
        assert isinstance(type_, GraphQLInputObjectType)
        yield Mutating(name, type_.name, tuple(coordinates_of(type_)))


def _parts(things: Sequence[T], size: int) -> list[tuple[T, ...]]:
    return [tuple(things[start : start + size]) for start in range(0, len(things), size)]


def coordinates(roads: Roads) -> set[str]:
    """What must have been checked in the end: each field, argument and input field of the schema."""
    found = set()
    for type_ in roads.composites():
        for name, field in type_.fields.items():
            found.add(f"{type_.name}.{name}")
            found |= {f"{type_.name}.{name}({argument}:)" for argument in field.args}
    for given in roads.schema.type_map.values():
        if isinstance(given, GraphQLInputObjectType):
            found |= {f"{given.name}.{name}" for name in given.fields}
    return found

"""What is asked of a table's rows: the fields, the columns they want, and what is denied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphql import FieldNode, GraphQLField

from app.engine.declare import Column, Computed, Group, Spec, ToOne


@dataclass(frozen=True, slots=True)
class Pick:
    """One field asked of a table's rows. `spec` None is the id."""

    key: str
    name: str
    spec: Spec | None
    definition: GraphQLField
    nodes: Sequence[FieldNode]
    denied: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """What the record must bring for it."""
        match self.spec:
            case Column(column=column):
                return (column or self.name,)
            case Group(columns=columns):
                return tuple(columns.values())
            case ToOne(via=via):
                return (via,)
            case Computed(needs=needs):
                return needs
            case _:
                return ()


def columns_of(picks: Iterable[Pick], also: Iterable[str] = ()) -> list[str]:
    """The id and all columns wanted, each once."""
    wanted = {column: None for pick in picks if not pick.denied for column in pick.columns}
    return list({"id": None, **wanted, **dict.fromkeys(also)})

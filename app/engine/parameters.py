"""The parameters of a statement while it is made: each value once, in the order of its first use."""

from typing import Any
from uuid import UUID

from pypika_tortoise.terms import Parameter, Parameterizer

from app.engine.dialects import Dialect, literal
from app.viewers import Shape

#: Where a value is found at each run: which list (the viewer's, the read's own, then each connection's), and its place there.
Source = tuple[int, int]
VIEWER, OWN, CONNECTIONS = 0, 1, 2


class Parameters(Parameterizer):
    """Also hands pypika its placeholders: markers of the viewer's ids become parameters, other values constants."""

    def __init__(self, shape: Shape, dialect: Dialect) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self._dialect = dialect
        self._placeholders: dict[Source, str] = {}
        self._places = {str(marker): place for marker, place in shape.places.items()}

    def take(self, group: int, place: int) -> str:
        """The placeholder of a value."""
        source = (group, place)
        if source not in self._placeholders:
            self.sources.append(source)
            self._placeholders[source] = self._dialect.placeholder(self.number())
        return self._placeholders[source]

    def number(self) -> int:
        """That of the parameter taken last."""
        return len(self.sources)

    def create_param(self, value: Any) -> Parameter:
        return Parameter(self._written(value))

    def _written(self, value: Any) -> str:
        if (place := self._places.get(str(value))) is not None:
            return self.take(VIEWER, place)
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, UUID | str):
            return literal(str(value))
        raise TypeError(f"A predicate compares with {type(value).__name__}, which has no constant in SQL.")

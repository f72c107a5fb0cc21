"""One operation down every road, and whether the answers are the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.engine.declare import TABLES
from app.engine.ids import global_id
from app.schema import build
from tests.databases import ENGINES
from tests.differential.features import Features
from tests.differential.generate import Operation
from tests.differential.naive import Naive
from tests.differential.naive_lists import Tags
from tests.differential.normal import learn, normal
from tests.differential.sight import Sight
from tests.differential.stage import Request, Stage, Wire, answer

LONGEST = 3_000


@dataclass
class Comparison:
    """Runs operations on a stage, and keeps what was learnt of cursors."""

    stage: Stage
    sights: Mapping[str, Sight]
    everything: Mapping[str, Sequence[str]]  # all ids there are, by type
    tags: Tags = field(default_factory=Tags)
    features: Features = field(default_factory=Features)
    cursors: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @classmethod
    def on(cls, stage: Stage) -> "Comparison":
        async def look() -> dict[str, Sight]:
            return {name: await Sight.of(viewer) for name, viewer in stage.cast.items()}

        rows = {name: stage.world.rows[table.model] for name, table in TABLES.items()}
        everything = {name: [global_id(name, row.id) for row in each] for name, each in rows.items()}
        return cls(stage, stage.run("sqlite", look), everything)

    def forget(self) -> None:
        """Of cursors, before they are too many."""
        self.tags, self.cursors = Tags(), {}

    def disagreement(self, request: Request, *, count: bool = False) -> str:
        """What differs between the roads, with all that is needed to ask again; empty if nothing does."""
        answers = self._answers(request)
        naive, rows = self._naive(request)
        learn(self.tags, naive.get("data"), answers["sqlite"].get("data"))
        expected = normal(naive, self.tags, messages=False)
        forms = {road: normal(each, self.tags) for road, each in answers.items()}
        silent = {road: normal(each, self.tags, messages=False) for road, each in answers.items()}
        wrong = [road for road, form in silent.items() if not is_expected(form, expected)]
        if not wrong:  # the naive interpreter has no sentences, but all roads have the same
            wrong = [road for road, form in forms.items() if not same(form, forms["sqlite"])]
        if count:
            self.features.count(request, answers["sqlite"], rows)
        return report(request, wrong, expected, silent, forms) if wrong else ""

    def request(self, operation: Operation) -> Request:
        """The operation with cursors that the engine gave, of the very lists they are sent to; null where one is empty."""
        document, variables = operation.document, operation.variables
        for wish in operation.wishes:
            known = self._cursors_of(wish.document, wish.viewer)
            cursor = known[wish.place % len(known)] if known else None
            document = document.replace(f'"{wish.token}"', json.dumps(cursor))
            variables = {name: cursor if value == wish.token else value for name, value in variables.items()}
        return Request(document, variables, operation.viewer)

    def _cursors_of(self, document: str, viewer: str) -> list[str]:
        if (document, viewer) not in self.cursors:
            request = Request(document, {}, viewer)
            found = self.stage.run("sqlite", lambda: answer(request, self.stage.context(viewer)))
            learn(self.tags, self._naive(request)[0].get("data"), found.get("data"))
            data = (found.get("data") or {}).get("list") or ((found.get("data") or {}).get("node") or {}).get(
                "list"
            )
            self.cursors[document, viewer] = [edge["cursor"] for edge in data["edges"]] if data else []
        return self.cursors[document, viewer]

    def _answers(self, request: Request) -> dict[str, Wire]:
        stage, found = self.stage, dict[str, Wire]()
        for engine in ENGINES:
            for road, only_core in ((engine, False), (f"{engine} through graphql-core", True)):
                context = stage.context(request.viewer)
                found[road] = stage.run(engine, partial(answer, request, context, only_core=only_core))
        return found

    def _naive(self, request: Request) -> tuple[Wire, int]:
        naive = Naive(build()._schema, self.sights[request.viewer], self.tags)
        found = self.stage.run("sqlite", lambda: naive.answer(request.document, request.variables))
        return found, naive.rows


def is_expected(form: Any, expected: Any) -> bool:
    """Whether an answer is what the naive interpreter says. Of several refusals any one is."""
    if "refusals" in expected:
        return any(same(form, {"errors": [each]}) for each in expected["refusals"])
    return same(form, expected)


def same(one: Any, other: Any) -> bool:
    """As JSON: to Python 1, 1.0 and True are equal."""
    return json.dumps(one, default=repr) == json.dumps(other, default=repr)


def report(
    request: Request, wrong: list[str], expected: Any, silent: Mapping[str, Any], forms: Mapping[str, Any]
) -> str:
    """What disagreed, and the first place where it does."""
    lines = [
        f"{', '.join(wrong)} disagree for {request.viewer}",
        request.document,
        f"variables: {request.variables!r}",
        *(f"{road} {difference(silent[road], expected)}" for road in wrong),
        f"naive: {json.dumps(expected, ensure_ascii=False, default=str)[:LONGEST]}",
        *(
            f"{road}: {json.dumps(form, ensure_ascii=False, default=str)[:LONGEST]}"
            for road, form in forms.items()
        ),
    ]
    return "\n".join(lines)


def difference(one: Any, other: Any, path: str = "$") -> str:
    """The first place where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            if not same(one[key], other[key]):
                return difference(one[key], other[key], f"{path}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            if not same(a, b):
                return difference(a, b, f"{path}[{place}]")
    return f"differs at {path}: {str(one)[:300]} where it should be {str(other)[:300]}"

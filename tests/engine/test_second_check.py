"""A road past the engine leads nowhere: nothing answers but an operation that it authorised."""

from typing import Any

import pytest
from graphql import ExecutionResult, execute, parse

from app.engine.core import Got
from app.policy import Role
from app.schema import build
from tests.engine.asking import ask, recorded
from tests.factories import make_contact, make_project
from tests.graphql import Client, as_role

DOCUMENT = "{ contacts { nodes { name } } viewer { roles } openReminderCount }"


@pytest.fixture
async def reader() -> Client:
    """Sees a contact."""
    project = await make_project()
    await make_contact(project)
    return await as_role(Role.DIRECTOR, project=project).sign_in()


async def test_nothing_answers_unless_the_engine_authorised_it(reader: Client) -> None:
    context = await reader.context()

    with recorded() as statements:
        for root_value in (None, {"contacts": {"nodes": [{"name": "x"}]}}):
            result: Any = execute(
                build()._schema, parse(DOCUMENT), root_value=root_value, context_value=context
            )
            result = result if isinstance(result, ExecutionResult) else await result
            assert result.data == {"contacts": None, "viewer": None, "openReminderCount": None}
            assert [error.original_error.code for error in result.errors] == ["FORBIDDEN"] * 3

    assert statements == []


async def test_strawberrys_own_road_is_none(reader: Client) -> None:
    context = await reader.context()

    with recorded() as statements:
        result = await build().execute(DOCUMENT, context_value=context)

    assert result.data == {"contacts": None, "viewer": None, "openReminderCount": None}
    assert result.errors and statements == []


async def test_what_was_authorised_for_one_operation_answers_no_other(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []

    class Kept(Got):
        def __init__(self, run: Any) -> None:
            super().__init__(run)
            runs.append(run)

    monkeypatch.setattr("app.engine.core.Got", Kept)
    await ask(reader, DOCUMENT, only_core=True)

    result: Any = execute(
        build()._schema,
        parse(DOCUMENT),
        root_value=Kept(runs[0]),
        context_value=await reader.context(),
    )
    result = result if isinstance(result, ExecutionResult) else await result

    assert result.data == {"contacts": None, "viewer": None, "openReminderCount": None}
    assert [error.original_error.code for error in result.errors] == ["FORBIDDEN"] * 3

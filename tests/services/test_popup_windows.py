"""How much one transaction looks through for the windows that it opens."""

import pytest

from app.jobs import unit_of_work
from app.policy import Role
from app.services import popup_firing, popup_windows
from tests.conftest import Clock
from tests.factories import make_division, make_project, make_reminder
from tests.graphql import settings
from tests.services.popup_cases import log_of, make_worker

__all__ = ["settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")


async def test_windows_of_many_divisions_are_opened_in_several_transactions(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is nobody's is looked through once for each set of divisions: never for all of them in one transaction."""
    monkeypatch.setattr(popup_windows, "SETS_AT_ONCE", 2)
    project = await make_project()
    divisions = [await make_division(project) for _ in range(4)]
    values = {"project": project, "roles": [Role.COMPLAINTS], "next_popup_at": clock.at}
    people = [await make_worker(divisions=[each], **values) for each in [*divisions, divisions[0]]]
    await make_reminder(None, created_by=people[0], due_at=clock.at)

    async with unit_of_work() as work:
        first = await popup_firing.fire(now=work.now)
    async with unit_of_work() as work:
        second = await popup_firing.fire(now=work.now)

    assert (first.claimed, len(first.left), second.claimed, list(second.left)) == (5, 2, 2, [])
    assert [[number for number, _, _ in await log_of(each)] for each in people] == [[1]] * 5

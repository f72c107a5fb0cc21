"""All that must always hold, asked of one change after another; what takes a memory is remembered here."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.proof.invariants import (
    oracle,
    rules_of_accounts,
    rules_of_reminders,
    rules_of_rights,
    rules_of_rows,
    rules_of_the_log,
)
from tests.proof.invariants.hands import held
from tests.proof.invariants.picture import Picture, differences
from tests.proof.invariants.play import Act, Change
from tests.proof.invariants.rules_of_rights import WINDOW

RULES = (
    *rules_of_rights.RULES,
    *rules_of_accounts.RULES,
    *rules_of_rows.RULES,
    *rules_of_reminders.RULES,
    *rules_of_the_log.RULES,
)

#: What a refusal rightly leaves behind: a try at a password is counted whatever becomes of it, and old tries go.
TRACES = {"sign_in_attempts"}
#: How a mutation may be refused. Anything else, INTERNAL_SERVER_ERROR before all, is broken.
REFUSALS = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "CONFLICT",
    "RATE_LIMITED",
    "BAD_USER_INPUT",
    "IDEMPOTENCY_MISMATCH",
}


@dataclass
class Watch:
    """Over one run. Without admins nothing of an admin's moves, and the project is never deleted."""

    with_admins: bool = True
    deleted: Counter[str] = field(default_factory=Counter)

    def broken(self, change: Change) -> list[str]:
        """What of all that must hold does not: sentences."""
        return [
            *(sentence for rule in RULES for sentence in rule(change)),
            *refusals_leave_nothing(change),
            *answers_are_answers(change),
            *self._deletions(change),
            *([] if self.with_admins else admins_stay_as_they_are(change)),
        ]

    def _deletions(self, change: Change) -> Iterator[str]:
        """Nobody but an admin empties the project: so many a day, by each."""
        limits = [
            each["projects"][change.firm.project_id]["daily_delete_limit"]
            for each in (change.before, change.after)
        ]
        for act in _deletions_by_others(change):
            assert act.employee is not None
            self.deleted[act.employee["id"]] += 1
            if self.deleted[act.employee["id"]] > max(limits):
                yield f"{act}: he has deleted {self.deleted[act.employee['id']]}, and {max(limits)} are allowed a day"


def _deletions_by_others(change: Change) -> list[Act]:
    """The contacts that somebody who is no admin deleted, if they are gone."""
    done = [act for act in change.done if act.step.mutation == "contactDelete" and act.employee]
    return [
        act
        for act in done
        if act.employee
        and act.employee["project_id"] == change.firm.project_id
        and "PROJECT_DELETE" not in held(change, act, change.firm.project_id)
    ]


def refusals_leave_nothing(change: Change) -> Iterator[str]:
    """If all were refused the database is as it was, to the byte, and nothing was sent."""
    if change.done:
        return
    for each in differences(change.before, change.after):
        if each.table not in TRACES:
            yield f"refused, and yet: {each}"
    if change.heard:
        yield f"refused, and yet it was heard: {change.heard}"


def answers_are_answers(change: Change) -> Iterator[str]:
    for act in change.acts:
        if strange := set(act.answer.codes) - REFUSALS:
            yield f"{act}: answered {', '.join(sorted(strange))}"
        if not act.succeeded and not act.codes:
            yield f"{act}: neither done nor refused: {act.answer}"


def admins_stay_as_they_are(change: Change) -> Iterator[str]:
    """When no admin acts."""
    was, now = _admins(change.before, change.firm.project_id), _admins(change.after, change.firm.project_id)
    if was != now:
        yield f"no admin acted, and the admins were {was}, are {now}"
    if change.after["projects"][change.firm.project_id]["deletion_requested_at"] is not None:
        yield "no admin acted, and the project is to be deleted"


def _admins(picture: Picture, project_id: str) -> dict[str, dict[str, object]]:
    return {
        id_: {name: value for name, value in row.items() if name not in WINDOW}
        for id_, row in picture["employees"].items()
        if row["project_id"] == project_id and oracle.would_be_admin(row)
    }

"""What stands in a step for something that exists only when it is played: a row, a password, a link from a mail.

A step that names "the third contact of the firm" can be played again in another run, and after others were left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.engine.declare import TABLES
from app.engine.ids import global_id
from app.ids import uuid7
from tests.proof.invariants.people import FIRM, Firm, Human
from tests.proof.invariants.picture import Picture, Row


@dataclass(frozen=True)
class Moment:
    """When a step is played: who plays it, and all there is."""

    firm: Firm
    human: Human
    picture: Picture
    account_id: str | None
    #: What the step says itself, as it stands there.
    variables: Mapping[str, Any]

    def rows(self, table: str, where: str) -> list[Row]:
        """`here` in the firm, `there` in its neighbour, in the order in which they were made."""
        project_id = self.firm.project_id if where == "here" else self.firm.neighbour_id
        key = "id" if table == "projects" else "project_id"
        rows = self.picture[table].values()
        if table == "sessions":
            return sorted((each for each in rows if _is_ones_own(each, self, where)), key=_id)
        return sorted((each for each in rows if each.get(key) == project_id), key=_id)


def _is_ones_own(session: Row, moment: Moment, where: str) -> bool:
    is_his = bool(session["account_id"] == moment.account_id)
    return is_his == (where == "here")


def _id(row: Row) -> str:
    return str(row["id"])


class Word(Protocol):
    def say(self, moment: Moment) -> Any: ...


@dataclass(frozen=True)
class RowOf:
    """The id of a row of this type, counted from the first or (negative) from the last; of nobody's if there is none.

    `fit` is a column's value that it should have, if any has. `named` is its name, for steps that are written by hand.
    """

    type_name: str
    number: int = 0
    where: str = "here"
    fit: tuple[str, str | None] | None = None
    named: str | None = None

    def __repr__(self) -> str:
        which = self.named or f"#{self.number}"
        fit = f" ({self.fit[0]} {self.fit[1]})" if self.fit else ""
        return f"<{self.type_name} {which}{fit}{'' if self.where == 'here' else ' ' + self.where}>"

    def say(self, moment: Moment) -> str:
        row = self.row(moment)
        return global_id(self.type_name, row["id"] if row else uuid7())

    def row(self, moment: Moment) -> Row | None:
        if self.where == "nowhere":
            return None
        rows = moment.rows(TABLES[self.type_name].model._meta.db_table, self.where)
        if self.named is not None:
            rows = [each for each in rows if each["name"] == self.named]
        if self.fit is not None:
            column, value = self.fit
            rows = [each for each in rows if each[column] == value] or rows
        return rows[self.number % len(rows)] if rows else None


@dataclass(frozen=True)
class Version:
    """The version of the row that the step's `id` names (of the project if there is none), less so many."""

    less: int = 0

    def say(self, moment: Moment) -> int:
        named = moment.variables.get("id")
        row = named.row(moment) if isinstance(named, RowOf) else moment.rows("projects", "here")[0]
        return int(row["version"] if row else 1) - self.less


@dataclass(frozen=True)
class Password:
    """`own`: that of the account in question as the human knows it; `wrong`; `new`: a fresh one."""

    kind: str = "own"

    def say(self, moment: Moment) -> str:
        if self.kind == "new":
            return moment.human.new_password()
        known = moment.human.passwords
        if self.kind == "own" and known:
            return known.get(_account_in_question(moment) or "", next(reversed(known.values())))
        return "spatne heslo"


def _account_in_question(moment: Moment) -> str | None:
    email = moment.variables.get("email")
    if isinstance(email, str) and "current" not in moment.variables and moment.account_id is None:
        accounts = moment.picture["accounts"].values()
        return next((str(each["id"]) for each in accounts if each["email"] == email.lower()), None)
    return moment.account_id


@dataclass(frozen=True)
class Mailed:
    """The token of the newest link of this purpose in the human's mail, `used` or not."""

    purpose: str
    used: bool = False

    def say(self, moment: Moment) -> str:
        found = moment.human.letters(self.purpose, used=self.used)
        return found[-1].token if found else "zadny-takovy-odkaz"


@dataclass(frozen=True)
class ProjectName:
    """What the project is called now."""

    def say(self, moment: Moment) -> str:
        found = moment.rows("projects", "here")
        return str(found[0]["name"]) if found else FIRM


def said(value: Any, moment: Moment) -> Any:
    """A step's variables with every word said."""
    if isinstance(value, Mapping):
        return {name: said(each, moment) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [said(each, moment) for each in value]
    return value.say(moment) if hasattr(value, "say") else value

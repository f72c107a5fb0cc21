"""Playing steps: one after another, or several at once; each time a picture before and one after."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from app.schema.context import Context
from tests.databases import Databases, Engine
from tests.graphql import Answer, Client
from tests.proof.invariants.people import Firm, Human
from tests.proof.invariants.picture import Picture, Row
from tests.proof.invariants.ready import before, session_of
from tests.proof.invariants.stage import Stage, open_stage
from tests.proof.invariants.steps import Step, document_of, mutations
from tests.proof.invariants.words import Mailed, Moment, said

#: Steps before a step: what did not work then will not.
MOST_BEFORE = 2
#: Mutations that begin a session.
COME_IN = frozenset(
    ("signIn", "accountCreate", "passwordReset", "invitationAccept", "projectEnter", "projectCreate")
)
BEGINNING = (
    Step("dita", "employeeInvite", {"name": "iva", "email": "iva@iva.example.cz", "roles": ["SALES_REP"]}),
    Step("anna", "employeeInvite", {"name": "ivan", "email": "ivan@ivan.example.cz", "roles": ["ADMIN"]}),
)


@dataclass
class Act:
    """A step as it was played. `session` and `employee` are the rows of whom it was sent as, before it."""

    step: Step
    human: Human
    token: str | None
    variables: Mapping[str, Any]
    session: Row | None
    employee: Row | None
    answer: Answer = field(default_factory=lambda: Answer(None, []))

    @property
    def payload(self) -> Mapping[str, Any]:
        return ((self.answer.data or {}).get(self.step.mutation)) or {}

    @property
    def succeeded(self) -> bool:
        return not self.answer.errors and self.payload.get("errors") == []

    @property
    def codes(self) -> list[str]:
        """Of the refusal, whichever way it was told."""
        return [*self.answer.codes, *(each["code"] for each in self.payload.get("errors", ()))]

    @property
    def account_id(self) -> str | None:
        return self.session["account_id"] if self.session else None

    def __str__(self) -> str:
        outcome = "done" if self.succeeded else f"refused {', '.join(self.codes)}"
        return f"{self.step}\n      sent {dict(self.variables)}: {outcome}"


@dataclass(frozen=True)
class Change:
    """What the acts, one or several at once, made of the database; `heard`: the jobs and rings that left them."""

    firm: Firm
    before: Picture
    after: Picture
    acts: Sequence[Act]
    heard: Sequence[str] = ()

    @property
    def done(self) -> list[Act]:
        """Those that were not refused."""
        return [act for act in self.acts if act.succeeded or self._was_done_before_it_was_undone(act)]

    def _was_done_before_it_was_undone(self, act: Act) -> bool:
        """Perhaps: he came in, and before he was answered another ended the session that the answer is read by."""
        return len(self.acts) > 1 and act.codes == ["UNAUTHENTICATED"] and act.step.mutation in COME_IN


@asynccontextmanager
async def open_firm(databases: Databases, engine: Engine) -> AsyncIterator[Stage]:
    """The stage with the firm on it, and two whose invitations have come by mail."""
    async with open_stage(databases, engine) as stage:
        for step in BEGINNING:
            for change in [each async for each in play(stage, step)]:
                assert change.done, [str(act) for act in change.acts]
        await stage.deliver_mail()
        await stage.keep()
        yield stage


async def play(stage: Stage, step: Step) -> AsyncIterator[Change]:
    """The step, and before it what its human must do first: sign in, or take the firm back."""
    async for change in get_ready(stage, step):
        yield change
    yield await together(stage, [step])


async def get_ready(stage: Stage, step: Step) -> AsyncIterator[Change]:
    """What must come before the step, each a change of its own."""
    human, done = stage.firm.humans[step.who], 0
    await stage.deliver_mail()
    while done < MOST_BEFORE and (first := before(step, human, await stage.look(), stage.firm)) is not None:
        yield await together(stage, [first])
        await stage.deliver_mail()
        done += 1


async def together(stage: Stage, steps: Sequence[Step]) -> Change:
    """The steps at the same time; whoever takes part must be signed in already."""
    await stage.deliver_mail()
    before = await stage.look()
    acts = [_act(stage.firm, before, step) for step in steps]
    if len(acts) == 1:
        acts[0].answer = await _send(acts[0])
    else:
        await _send_at_once(stage, acts)
    stage.stirred()
    after = await stage.look()
    change = Change(stage.firm, before, after, acts, list(stage.heard))
    stage.heard.clear()
    for act in acts:
        _learn(act, after)
    return change


def _act(firm: Firm, picture: Picture, step: Step) -> Act:
    human = firm.humans[step.who]
    old = human.old_tokens[-1] if human.old_tokens else None
    token = {"present": human.token, "old": old, "none": None}[step.session]
    session = session_of(picture, token)
    account_id = session["account_id"] if session else None
    moment = Moment(firm, human, picture, account_id, step.variables)
    employee = picture["employees"].get(session["employee_id"] or "") if session else None
    return Act(step, human, token, said(step.variables, moment), session, employee)


async def _send(act: Act) -> Answer:
    client = Client(token=act.token, ip=act.human.ip)
    document = document_of(act.step.mutation)
    if "input" in mutations()[act.step.mutation].args:
        return await client.run(document, input=act.variables)
    return await client.run(document)


async def _send_at_once(stage: Stage, acts: Sequence[Act]) -> None:
    """On PostgreSQL nobody goes on before everybody is inside his transaction and knows who he is there."""
    if stage.engine == "sqlite":
        answers = await asyncio.gather(*[_send(act) for act in acts])
    else:
        meeting = Meeting(len(acts))
        with mock.patch.object(Context, "look_inside_transaction", meeting.held_up()):
            answers = await asyncio.gather(*[meeting.attend(_send(act)) for act in acts])
    for act, answer in zip(acts, answers, strict=True):
        act.answer = answer


class Meeting:
    """All who come wait until nobody is missing; whoever is done without having come is not waited for."""

    def __init__(self, many: int) -> None:
        self._missing = many
        self._is_complete = asyncio.Event()
        self._came: set[asyncio.Task[Any]] = set()

    async def attend(self, work: Any) -> Any:
        """`work` as somebody who is waited for until he comes, or is done."""
        try:
            return await work
        finally:
            self._arrive()

    def held_up(self) -> Any:
        look = Context.look_inside_transaction

        async def held(context: Context) -> Any:
            found = await look(context)
            self._arrive()
            await self._is_complete.wait()
            return found

        return held

    def _arrive(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        if task not in self._came:
            self._came.add(task)
            self._missing -= 1
        if self._missing <= 0:
            self._is_complete.set()


def _learn(act: Act, after: Picture) -> None:
    """What the human knows from now on: his session, and his password."""
    human, token = act.human, (act.payload.get("session") or {}).get("token")
    if "UNAUTHENTICATED" in act.answer.codes and act.step.session == "present":
        human.token = None
    if not act.succeeded:
        return
    if isinstance(link := act.step.variables.get("token"), Mailed):
        human.use(link.purpose)
    if act.step.mutation == "signOut" and act.step.session == "present":
        human.token = None
    session = session_of(after, token)
    account_id = session["account_id"] if session else act.account_id
    if token:
        human.enter(token)
    chosen = (
        act.variables.get("new") if act.step.mutation == "passwordChange" else act.variables.get("password")
    )
    if account_id and chosen and _tells_password(act):
        human.passwords[account_id] = chosen


def _tells_password(act: Act) -> bool:
    return act.step.mutation in (
        "passwordChange",
        "passwordReset",
        "accountCreate",
        "invitationAccept",
        "signIn",
    )

"""Clients that write under idempotency keys, and keep what they sent and what they were told of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx

from tests.e2e.client import Client
from tests.faults.people import Person

#: After these nobody knows whether it was done, as after no answer at all.
UNSURE = {"TIMEOUT", "SERVICE_UNAVAILABLE", "OVERLOADED", "INTERNAL_SERVER_ERROR"}
TRY_AGAIN_S = 0.25
SOONEST_DUE_S, LATEST_DUE_S = -1.0, 3.0


class Outcome(StrEnum):
    """What a client knows of its mutation. REFUSED: nothing was done."""

    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class Kind(StrEnum):
    """What a mutation makes; the value is the operation's name."""

    REMINDER = "Remind"
    CONTACT = "CreateContact"
    MAIL = "Send"


@dataclass
class Mutation:
    """One that was sent, perhaps several times with the same key. `name` is nobody else's title, name or subject."""

    kind: Kind
    name: str
    person: Person
    input: Mapping[str, Any]
    outcome: Outcome = Outcome.SENT
    codes: Sequence[str] = ()
    #: What it answered: the Message-ID of a mail.
    message_id: str = ""
    tries: int = 0
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    @property
    def took_s(self) -> float:
        return self.ended - self.began

    async def send(self, client: Client) -> Outcome:
        """Once. What was unknown stays so, unless it is acknowledged now: a refusal may be of the repeat alone."""
        was_unknown = self.outcome is Outcome.UNKNOWN
        self.tries += 1
        outcome = await self._sent(client)
        self.outcome = Outcome.UNKNOWN if was_unknown and outcome is Outcome.REFUSED else outcome
        self.ended = time.monotonic()
        return self.outcome

    async def _sent(self, client: Client) -> Outcome:
        try:
            answer = await client.run(self.kind.value, input=self.input)
        except (httpx.TransportError, ValueError) as error:  # the latter: what answered is not JSON
            self.codes = [type(error).__name__]
            return Outcome.UNKNOWN
        payload = next(iter((answer.data or {}).values()), None)
        self.codes = answer.codes or [each["code"] for each in (payload or {}).get("errors", ())]
        if answer.codes or payload is None:
            return Outcome.UNKNOWN if not self.codes or UNSURE.intersection(self.codes) else Outcome.REFUSED
        if self.codes:
            return Outcome.REFUSED
        if self.kind is Kind.MAIL:
            self.message_id = payload["email"]["messageId"]
        return Outcome.ACKNOWLEDGED


def reminder(person: Person, name: str, *, due_in_s: float = -1.0) -> Mutation:
    due_at = (datetime.now(UTC) + timedelta(seconds=due_in_s)).isoformat()
    return Mutation(Kind.REMINDER, name, person, {"title": name, "dueAt": due_at, "idempotencyKey": name})


def contact(person: Person, name: str) -> Mutation:
    return Mutation(Kind.CONTACT, name, person, {"name": name, "idempotencyKey": name})


def mail(person: Person, name: str) -> Mutation:
    sent = {"contactId": person.contact, "subject": name, "text": "Zde.", "idempotencyKey": name}
    return Mutation(Kind.MAIL, name, person, sent)


class Writer:
    """One client: a mutation after another, each again under its key until it is answered or given up."""

    def __init__(
        self, name: str, client: Callable[[], Client], person: Person, chance: random.Random
    ) -> None:
        self.history: list[Mutation] = []
        self._name, self._client, self._person, self._chance = name, client, person, chance

    async def run(self, until: asyncio.Event, *, pause_s: float = 0.05) -> None:
        """Writes until the event; then what is unknown is left so."""
        while not until.is_set():
            mutation = self._next()
            self.history.append(mutation)
            await mutation.send(self._client())
            insists = self._chance.random() < 0.9
            while mutation.outcome is Outcome.UNKNOWN and insists and not until.is_set():
                await asyncio.sleep(TRY_AGAIN_S)
                await mutation.send(self._client())
            await asyncio.sleep(pause_s * 2 * self._chance.random())

    def _next(self) -> Mutation:
        name = f"{self._name}-{len(self.history)}"
        kind = self._chance.choices(list(Kind), weights=(5, 3, 2))[0]
        if kind is Kind.REMINDER:
            due_in_s = self._chance.uniform(SOONEST_DUE_S, LATEST_DUE_S)
            return reminder(self._person, name, due_in_s=due_in_s)
        return (contact if kind is Kind.CONTACT else mail)(self._person, name)


def summary(history: Sequence[Mutation]) -> str:
    """Mutations by outcome, and the codes of what was not acknowledged."""
    outcomes = Counter(each.outcome.value for each in history)
    codes = Counter(
        code for each in history if each.outcome is not Outcome.ACKNOWLEDGED for code in each.codes
    )
    return f"{len(history)} mutations {dict(outcomes)} {dict(codes)}"

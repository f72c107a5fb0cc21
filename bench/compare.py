"""Are the servers' answers the same? `exact` for those that speak our API, `neutral` for those that speak their own.

Of a mutation the new row's id and time are left out, which no two servers share.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson

from app.engine.ids import type_and_id
from bench.workload import QUERIES, Call, Contender

SAMPLE = 40
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: What of an answer's content is compared.
Reading = Callable[[Any], Any]


class Different(Exception):
    """Two servers answered the same question differently; the text shows both."""


def exact(content: Any) -> Any:
    """Keys, their order, values: all but white space."""
    return content


def neutral(content: Any, key: str = "") -> Any:
    """Rows, their order and values. Ids are those of the rows, times are milliseconds, a cursor is only there or not.

    Errors in a payload are left out, for they come with null instead of the row.
    """
    match content:
        case dict():
            return {name: neutral(each, name) for name, each in content.items() if name != "errors"}
        case list():
            return [neutral(each, key) for each in content]
        case str() if key == "id":
            return _row_id(content)
        case str() if key.endswith("At"):
            return (datetime.fromisoformat(content) - EPOCH) // MILLISECOND
        case str() if key in ("cursor", "endCursor"):
            return True
    return content


def _row_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        return type_and_id(given)[1]


def check(contenders: Sequence[Contender], read: Reading) -> None:
    """Raises Different at the first answer that is not that of the first server, or no answer at all."""
    reference, *others = contenders
    with httpx.Client() as http:
        for name in QUERIES:
            for number in range(SAMPLE):
                wanted = _answer(http, reference, name, number, read)
                for other in others:
                    if (found := _answer(http, other, name, number, read)) != wanted:
                        call = reference.calls[name][number]
                        raise Different(_shown(name, call, reference, wanted, other, found))


def _answer(http: httpx.Client, contender: Contender, name: str, number: int, read: Reading) -> bytes:
    call = contender.calls[name][number]
    headers = {"Authorization": f"Bearer {call.token}", "Content-Type": "application/json"}
    answer = http.post(
        f"http://127.0.0.1:{contender.server.port}/graphql", content=call.body, headers=headers
    )
    content = orjson.loads(answer.content)
    if answer.status_code != 200 or content.keys() != {"data"}:
        raise Different(f"{contender.name} answered {name} with {answer.status_code}: {answer.text[:2000]}")
    if name == "Q4":
        _forget_new(content["data"]["activityRecord"]["activity"])
    return orjson.dumps(read(content))


def _forget_new(activity: dict[str, Any]) -> None:
    del activity["id"], activity["occurredAt"]


def _shown(name: str, call: Call, first: Contender, wanted: bytes, second: Contender, found: bytes) -> str:
    here = next(
        (at for at, (one, two) in enumerate(zip(wanted, found, strict=False)) if one != two),
        min(len(wanted), len(found)),
    )
    start = max(0, here - 100)
    return (
        f"{name} with {call.body[-200:].decode()} differs at byte {here}:\n"
        f"{first.name}: {wanted[start : here + 300].decode(errors='replace')}\n"
        f"{second.name}: {found[start : here + 300].decode(errors='replace')}"
    )

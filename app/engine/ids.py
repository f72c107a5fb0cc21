"""Global ids: Relay's base64 of `Type:uuid`, checked for their type."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from strawberry.relay.utils import to_base64

from app.errors import BadUserInput

#: In the metadata of an argument or input field: the type of the rows whose ids it takes.
ID_OF = "id_of"
#: In its place, for what takes ids of more than one type.
ANY_NODE, ANY_ID = "Node", "any"

_TYPE_NAME = re.compile(r"[A-Za-z]\w{0,60}", re.ASCII)
#: Longer than the longest name of a type and a UUID are in base64.
LONGEST_ID = 140
#: So many ids are read once, however often they come.
REMEMBERED = 4_096


def global_id(type_name: str, id_: UUID) -> str:
    return to_base64(type_name, str(id_))


def type_and_id(given: str) -> tuple[str, UUID]:
    """The two halves of a global id. Raises ValueError for anything else."""
    # Before anything is remembered of it: ids are remembered by their number, whatever their length.
    if len(given) > LONGEST_ID:
        raise ValueError("This is longer than any id.")
    return _type_and_id(given)


@lru_cache(maxsize=REMEMBERED)
def _type_and_id(given: str) -> tuple[str, UUID]:
    written = b64decode(given)
    type_name, _, local = written.decode().partition(":")
    id_ = UUID(local)
    # base64 and UUID both read spellings that we never write.
    if str(id_) != local or b64encode(written).decode() != given:
        raise ValueError("The id is not in its one written form.")
    if not _TYPE_NAME.fullmatch(type_name):
        raise ValueError("The id is of nothing that could be a type.")
    return type_name, id_


def local_id(type_name: str, given: str, path: Sequence[str] = ("id",)) -> UUID:
    """The row's id in a global id of `type_name`. Raises BadUserInput for another type's id and for what is no id."""
    try:
        found, id_ = type_and_id(given)
    except ValueError:
        raise wrong_id(type_name, None, path) from None
    if found != type_name:
        raise wrong_id(type_name, found, path)
    return id_


def wrong_id(expected: str, got: str | None, path: Sequence[str]) -> BadUserInput:
    """What is said of the id at `path` of the arguments. It follows from the id alone: no row was looked for."""
    what = "An id of another type" if got else "No id at all"
    sentence = f"{what}: expected {expected}, got {got or 'no global id'}. Send an id as the API gave it."
    return BadUserInput(sentence, inputPath=list(path))

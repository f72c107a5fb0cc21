"""Global ids: Relay's base64 of `Type:uuid`, checked for their type."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from uuid import UUID

from strawberry.relay.utils import to_base64

from app.errors import NotFound


def global_id(type_name: str, id_: UUID) -> str:
    return to_base64(type_name, str(id_))


def type_and_id(given: str) -> tuple[str, UUID]:
    """The two halves of a global id. Raises ValueError for anything else."""
    written = b64decode(given)
    type_name, _, local = written.decode().partition(":")
    id_ = UUID(local)
    # base64 and UUID both read spellings that we never write.
    if str(id_) != local or b64encode(written).decode() != given:
        raise ValueError("The id is not in its one written form.")
    return type_name, id_


def local_id(type_name: str, given: str, path: Sequence[str] = ("id",)) -> UUID:
    """The row's id in a global id of `type_name`.

    Raises NotFound for another type's id and for what is no id at all: none of them names a row, and a caller learns
    no more than that.
    """
    try:
        found, id_ = type_and_id(given)
    except ValueError:
        raise NotFound(input_path=path) from None
    if found != type_name:
        raise NotFound(input_path=path)
    return id_

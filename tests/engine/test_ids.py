"""Global ids as clients send them: what is remembered of them is bounded, whatever they send."""

from uuid import UUID

import pytest
from strawberry.relay.utils import to_base64

from app.engine import ids

ID = UUID("01900000-0000-7000-8000-000000000000")


@pytest.mark.parametrize("type_name", ["A" * 90_000, "A" * 62, "Čas", "A B", "", "1A", "A\n", "a:b"])
def test_nothing_is_remembered_of_what_no_type_could_have(type_name: str) -> None:
    before = ids._type_and_id.cache_info().currsize

    with pytest.raises(ValueError, match=r"\w"):
        ids.type_and_id(to_base64(type_name, str(ID)))

    assert ids._type_and_id.cache_info().currsize == before


@pytest.mark.parametrize("type_name", ["Contact", "A" * 61])
def test_an_id_of_what_may_be_a_type_is_read_once(type_name: str) -> None:
    ids._type_and_id.cache_clear()

    found = [ids.type_and_id(to_base64(type_name, str(ID))) for _ in range(2)]

    assert found == [(type_name, ID)] * 2
    assert ids._type_and_id.cache_info().currsize == 1

from datetime import UTC, datetime

import pytest

from app.ids import uuid7


def test_ids_sort_by_the_time_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [uuid7() for _ in range(10_000)]
    monkeypatch.setattr("time.time_ns", lambda: 0)
    ids.append(uuid7())

    assert ids == sorted(set(ids))
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}
    assert abs((ids[0].int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 10

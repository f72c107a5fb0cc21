"""Proofs that the database takes writes."""

from tortoise import fields
from tortoise.expressions import Q

from app.models.base import NOBODY, Table
from app.policy import Viewer


class WriteCheck(Table):
    """When a process wrote last to see whether it can. A row for each, so that none waits for another's lock."""

    written_at = fields.DatetimeField()

    class Meta:
        table = "write_checks"

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        return NOBODY

"""What the migrations of `changed` add up to."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.ids import uuid7


class Team(Model):
    players: fields.ReverseRelation["Player"]
    trophies: fields.ReverseRelation["Trophy"]

    id = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=80, unique=True)
    city = fields.CharField(max_length=50)
    score = fields.IntField(default=0, db_index=True)
    colour = fields.CharField(max_length=20, db_default="red", db_index=True)
    code = fields.CharField(max_length=8, null=True, unique=True)

    class Meta:
        table = "teams"
        indexes = (("city", "score"),)
        constraints = (
            UniqueConstraint(fields=("city", "name"), name="uq_teams_city_name"),
            CheckConstraint(check="city <> ''", name="ck_teams_city"),
            CheckConstraint(check="score < 1000", name="ck_teams_score_limit"),
        )


class Player(Model):
    id = fields.UUIDField(primary_key=True, default=uuid7)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name="players", on_delete=fields.CASCADE, db_index=True
    )
    mentor: fields.ForeignKeyNullableRelation["Player"] = fields.ForeignKeyField(
        "models.Player", related_name="pupils", on_delete=fields.SET_NULL, null=True
    )
    number = fields.IntField()
    is_captain = fields.BooleanField(default=False)
    joined_at = fields.DatetimeField()

    class Meta:
        table = "players"
        unique_together = (("team", "number"),)
        indexes = (("team", "joined_at"),)
        constraints = (
            UniqueConstraint(fields=("team",), name="uq_players_captain", condition="is_captain IS TRUE"),
        )


class Trophy(Model):
    id = fields.UUIDField(primary_key=True, default=uuid7)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name="trophies", on_delete=fields.RESTRICT
    )
    year = fields.IntField()

    class Meta:
        table = "trophies"

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.ids import uuid7
from app.migration_ops import RunSQLOn, partial_index, trigram_index

REFUSE_RENAMED_TEAM = """
CREATE TRIGGER teams_keep_name BEFORE UPDATE OF name ON teams
BEGIN
    SELECT RAISE(ABORT, 'a team keeps its name; always');
END
"""

RAISE_SCORE = """
CREATE TRIGGER players_raise_score AFTER INSERT ON players
BEGIN
    UPDATE teams SET score = score + 1 WHERE id = NEW.team_id;
END
"""


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Team",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7)),
                ("name", fields.CharField(max_length=50, unique=True)),
                ("city", fields.CharField(max_length=50, null=True)),
                ("motto", fields.TextField(null=True)),
                ("score", fields.IntField(default=0, db_index=True)),
            ],
            options={
                "table": "teams",
                "app": "models",
                "indexes": [Index(fields=["city", "score"]), Index(fields=["motto"])],
                "constraints": [
                    UniqueConstraint(fields=("city", "name"), name="uq_teams_city_name"),
                    CheckConstraint(check="city <> ''", name="ck_teams_city"),
                    CheckConstraint(check="score >= 0", name="ck_teams_score"),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Player",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="team_id",
                        to_field="id",
                        related_name="players",
                        on_delete=OnDelete.CASCADE,
                        db_index=True,
                    ),
                ),
                (
                    "mentor",
                    fields.ForeignKeyField(
                        "models.Player",
                        source_field="mentor_id",
                        to_field="id",
                        related_name="pupils",
                        on_delete=OnDelete.SET_NULL,
                        null=True,
                    ),
                ),
                ("number", fields.IntField()),
                ("is_captain", fields.BooleanField(default=False)),
                ("joined_at", fields.DatetimeField()),
            ],
            options={
                "table": "players",
                "app": "models",
                "unique_together": (("team", "number"),),
                "indexes": [Index(fields=["team", "joined_at"])],
                "constraints": [
                    UniqueConstraint(
                        fields=("team",), name="uq_players_captain", condition="is_captain IS TRUE"
                    ),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Trophy",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="team_id",
                        to_field="id",
                        related_name="trophies",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("year", fields.IntField()),
            ],
            options={"table": "trophies", "app": "models", "pk_attr": "id"},
        ),
        partial_index("teams", ["score", "city"], "city IS NOT NULL"),
        trigram_index("teams", "name"),
        RunSQLOn("sqlite", [REFUSE_RENAMED_TEAM, RAISE_SCORE]),
    ]

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RemoveIndex(model_name="Team", fields=["motto"]),
        ops.RemoveConstraint(model_name="Team", name="ck_teams_score"),
        ops.AlterField(model_name="Team", name="name", field=fields.CharField(max_length=80, unique=True)),
        ops.AlterField(model_name="Team", name="city", field=fields.CharField(max_length=50)),
        ops.AddField(
            model_name="Team",
            name="colour",
            field=fields.CharField(max_length=20, db_default="red", db_index=True),
        ),
        ops.AddField(
            model_name="Team", name="code", field=fields.CharField(max_length=8, null=True, unique=True)
        ),
        ops.RemoveField(model_name="Team", name="motto"),
        ops.AlterField(
            model_name="Trophy",
            name="team",
            field=fields.ForeignKeyField(
                "models.Team",
                source_field="team_id",
                to_field="id",
                related_name="trophies",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddConstraint(
            model_name="Team", constraint=CheckConstraint(check="score < 1000", name="ck_teams_score_limit")
        ),
    ]

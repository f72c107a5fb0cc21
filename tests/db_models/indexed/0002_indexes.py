from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.migration_ops import partial_index


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    atomic = False

    operations = [
        ops.AddIndex(model_name="Player", index=Index(fields=["joined_at", "number"])),
        partial_index("players", ["number"], "number > 1", unique=True),
        ops.RemoveIndex(model_name="Team", fields=["motto"]),
    ]

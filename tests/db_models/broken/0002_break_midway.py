from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.AlterField(model_name="Team", name="name", field=fields.CharField(max_length=80, unique=True)),
        ops.RunSQL("INSERT INTO no_such_table VALUES (1)"),
    ]

"""Numbers of firms of other countries: in their registers, and at their tax offices. Swiss VAT ids need 16 characters."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

FIRMS = ("Contact", "Division", "Project")


class Migration(migrations.Migration):
    dependencies = [("models", "0014_external_questions")]

    initial = False

    operations = [
        *(
            ops.AlterField(model_name=model, name="vat_id", field=fields.CharField(null=True, max_length=20))
            for model in FIRMS
        ),
        *(
            ops.AddField(
                model_name=model, name=name, field=fields.CharField(null=True, max_length=max_length)
            )
            for model in FIRMS
            for name, max_length in (
                ("tax_number", 50),
                ("registration_number", 50),
                ("registration_country", 2),
            )
        ),
        *(
            ops.AddField(
                model_name="ContactProposal",
                name=name,
                field=fields.CharField(null=True, max_length=max_length),
            )
            for name, max_length in (
                ("registration_number", 50),
                ("registration_country", 2),
                ("country", 2),
            )
        ),
    ]

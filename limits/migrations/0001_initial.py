from django.db import migrations, models


def without_log(apps, schema_editor):
    """PostgreSQL: no write-ahead log for rows that may be lost, so that taking from a bucket waits for no disk."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE limits_bucket SET UNLOGGED")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Bucket",
            fields=[
                ("key", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("full_at", models.FloatField(db_index=True)),
            ],
        ),
        migrations.RunPython(without_log, migrations.RunPython.noop),
    ]

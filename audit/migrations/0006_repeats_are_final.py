from django.db import migrations, models


def write_tallies(apps, schema_editor):
    """What is counted for a minute that is not over is written down, as it would have been at its end."""
    from audit.chain import STAMPED, stamp_of
    from core.clock import now
    from core.ids import new_id

    Entry = apps.get_model("audit", "AuditEntry")
    for row in apps.get_model("audit", "OpenDenial").objects.filter(repeats__gt=0):
        first = Entry.objects.filter(pk=row.entry_id).values().first()
        if first is None:
            continue
        first.pop("stamp")
        tally = Entry(**{**first, "id": new_id("aud"), "at": now(), "first": row.entry_id, "count": row.repeats})
        tally.stamp = stamp_of([getattr(tally, name) for name in STAMPED])
        tally.save(force_insert=True)


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_plain_names")]
    operations = [
        migrations.RunPython(write_tallies, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(model_name="opendenial", name="repeats"),
        migrations.AlterField(
            model_name="opendenial", name="entry_id", field=models.CharField(max_length=40)
        ),
    ]

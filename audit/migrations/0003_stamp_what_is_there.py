from django.db import migrations


def stamp(apps, schema_editor):
    """Entries from before the chain: their addresses move into rows of their own, and they get a stamp."""
    from audit.chain import STAMPED, new_salt, source_id, stamp_of

    Entry = apps.get_model("audit", "AuditEntry")
    Source = apps.get_model("audit", "AuditSource")
    made = {}
    for entry in Entry.objects.filter(stamp="").order_by("pk").iterator(chunk_size=500):
        if entry.ip:
            subject = entry.actor_id or (entry.target_id if entry.target_type == "user" else "")
            if (subject, entry.ip) not in made:
                salt = new_salt()
                pk = made[subject, entry.ip] = source_id(subject, entry.ip, salt)
                Source.objects.create(pk=pk, subject=subject, ip=entry.ip, salt=salt, at=entry.at)
            entry.source = made[subject, entry.ip]
        entry.stamp = stamp_of([getattr(entry, name) for name in STAMPED])
        entry.save(update_fields=["source", "stamp"])


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_sealing")]
    operations = [migrations.RunPython(stamp, migrations.RunPython.noop, elidable=True)]

from django.db import migrations


def keep_grants(apps, schema_editor):
    """Grants that were kept in guardian's common table move to the agents' own. An owner needs none."""
    Agent = apps.get_model("agents", "Agent")
    Grant = apps.get_model("agents", "AgentUserGrant")
    UserObjectPermission = apps.get_model("guardian", "UserObjectPermission")
    old = UserObjectPermission.objects.filter(
        permission__codename="manage_agent", content_type__app_label="agents", content_type__model="agent"
    )
    owners = dict(Agent.objects.values_list("pk", "owner_id"))
    Grant.objects.bulk_create(
        Grant(user_id=row.user_id, permission_id=row.permission_id, content_object_id=row.object_pk)
        for row in old.iterator()
        if row.object_pk in owners and owners[row.object_pk] != row.user_id
    )
    old.delete()


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0003_sharing'),
        ('guardian', '0001_initial'),
    ]

    operations = [migrations.RunPython(keep_grants, migrations.RunPython.noop)]

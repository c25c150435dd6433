from django.db import migrations
from django.db.models import OuterRef, Subquery

PIECE = 2_000


def fill(apps, schema_editor):
    """A few rows at a time, each piece a transaction: others go on writing, and what was cut off goes on where it was."""
    Run = apps.get_model("agents", "Run")
    Conversation = apps.get_model("agents", "Conversation")
    owner = Conversation.objects.filter(pk=OuterRef("conversation_id")).values("owner_id")
    last = ""
    while True:
        piece = list(Run.objects.filter(pk__gt=last, owner=None).order_by("pk").values_list("pk", flat=True)[:PIECE])
        if not piece:
            return
        Run.objects.filter(pk__in=piece).update(owner_id=Subquery(owner[:1]))
        last = piece[-1]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [('agents', '0008_owner_of_a_run')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

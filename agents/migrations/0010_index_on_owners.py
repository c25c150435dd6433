from django.db import migrations, models

from core.postgresql.indexes import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [('agents', '0009_owners_of_earlier_runs')]

    operations = [AddIndexConcurrently(model_name='run', index=models.Index(fields=['owner'], name='runs_by_owner'))]

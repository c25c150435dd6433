import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_saml_keys'),
        ('agents', '0007_plain_names'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='owner',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text='Whose conversation it is, so that a list of runs need not look through all conversations. None in rows that a version wrote which did not know it.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]

#!/bin/sh
# The roles beside the owner, once, when the database is made: the product's own, and the one that cuts the audit log. What they
# may do is granted by `manage.py upgrade --app-role aap_app` after each migration (docs/audit.md).
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat "$APP_PASSWORD_FILE")" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE aap_app LOGIN PASSWORD :'password';
CREATE ROLE aap_retention LOGIN;
SQL

#!/bin/sh
# Makes what production.yaml needs and nobody else may know: keys and passwords in secrets/, and a certificate of its own until
# you put yours there (tls.crt with the whole chain, tls.key). What exists is kept, so it is safe to run again.
#
#   sh deploy/compose/prepare.sh agents.example.com
set -eu

name="${1:?Say the host name that people will open, such as agents.example.com}"
case "$name" in *[!A-Za-z0-9.-]*) echo "That is no host name: $name" >&2; exit 2 ;; esac
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

keep() { # keep <file>: writes standard input into it, unless it is there
  if [ -s "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1"; fi
}
random() { openssl rand -hex "$1"; }

random 24 | keep database_owner_password
random 24 | keep database_app_password
random 24 | keep redis_password
random 24 | keep grafana_password
random 32 | keep metrics_token
random 48 | keep secret_key
echo "k1:$(openssl rand -base64 32)" | keep encryption_keys
echo "a1:$(openssl rand -base64 32)" | keep audit_keys
echo "postgresql://aap_owner:$(cat secrets/database_owner_password)@database:5432/platform" | keep database_owner_url
echo "postgresql://aap_app:$(cat secrets/database_app_password)@database:5432/platform" | keep database_url
echo "redis://:$(cat secrets/redis_password)@redis:6379/0" | keep redis_url
keep redis.conf <<CONF
bind 0.0.0.0
requirepass $(cat secrets/redis_password)
maxmemory 256mb
maxmemory-policy allkeys-lru
save ""
appendonly no
CONF
if [ ! -s secrets/tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name" -keyout secrets/tls.key -out secrets/tls.crt 2>/dev/null
  echo "A certificate that nobody but you trusts is in secrets/tls.crt: put yours there before others come."
fi
# Containers read the files as users of their own, past the folder, which nobody else of this machine may enter. You may write
# over them: so a certificate or a key is exchanged.
chmod 0700 secrets
chmod 0644 secrets/*
if [ ! -f .env ] || ! grep -q "^SERVER_NAME=" .env; then echo "SERVER_NAME=$name" >>.env; fi
echo "Ready. Keep a copy of secrets/secret_key, encryption_keys and audit_keys apart from the backups."

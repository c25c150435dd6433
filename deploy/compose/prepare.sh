#!/bin/sh
# Makes what production.yaml needs and nobody else may know: keys and passwords in secrets/, and a certificate of its own until
# you put yours there (tls.crt with the whole chain, tls.key). What exists is kept, so it is safe to run again.
#
#   sh deploy/compose/prepare.sh agents.example.com
set -eu

name="${1:?Say the host name that people will open, such as agents.example.com}"
case "$name" in *[!A-Za-z0-9.-]* | [.-]* | *[.-] | *..*) echo "That is no host name: $name" >&2; exit 2 ;; esac
command -v openssl >/dev/null || { echo "openssl is needed, and was not found. On Debian: apt install openssl" >&2; exit 1; }
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

keep() { # keep <file>: writes standard input into it, unless it is there; all of it, or nothing
  if [ -s "secrets/$1" ]; then
    cat >/dev/null
  else
    cat >"secrets/.$1.draft"
    mv -f "secrets/.$1.draft" "secrets/$1"
  fi
}
make() { # make <file> <before> <how>: something random. Where openssl fails, this ends: half a key would be kept for good
  file=$1 before=$2
  shift 2
  made=$(openssl rand "$@")
  echo "$before$made" | keep "$file"
}

make database_owner_password "" -hex 24
make database_app_password "" -hex 24
make redis_password "" -hex 24
make grafana_password "" -hex 24
make metrics_token "" -hex 32
make secret_key "" -hex 48
make encryption_keys "k1:" -base64 32
make audit_keys "a1:" -base64 32
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
if [ ! -s secrets/tls.crt ] && [ -s secrets/tls.key ]; then
  echo "secrets/tls.key is there and secrets/tls.crt is not. Put the certificate of that key there, or move the key away." >&2
  exit 1
fi
if [ ! -s secrets/tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name" -keyout secrets/.tls.key.draft -out secrets/.tls.crt.draft 2>/dev/null ||
    { echo "openssl could not make a certificate for $name." >&2; exit 1; }
  mv -f secrets/.tls.key.draft secrets/tls.key
  mv -f secrets/.tls.crt.draft secrets/tls.crt
  echo "A certificate that nobody but you trusts is in secrets/tls.crt: put yours there before others come."
fi
# Containers read the files as users of their own, past the folder, which nobody else of this machine may enter. You may write
# over them: so a certificate or a key is exchanged.
chmod 0700 secrets
chmod 0644 secrets/*
if [ ! -f .env ] || ! grep -q "^SERVER_NAME=" .env; then echo "SERVER_NAME=$name" >>.env; fi
echo "Ready. Keep a copy of secrets/secret_key, encryption_keys and audit_keys apart from the backups."

#!/bin/sh
# Start Valkey with the configuration file $1 and the password in the secret $2; what follows overrides the file.
# The password comes to Valkey on standard input: neither `ps` nor `docker inspect` shows it.
set -eu
configuration=$1 secret=$2
shift 2
password=$(cat "$secret")
case $password in
'' | *[!0-9A-Za-z_-]*)
    echo "start-valkey.sh: $secret must hold a password of letters, digits, - and _ (README: openssl rand -hex 32)" >&2
    exit 1
    ;;
esac
exec valkey-server "$configuration" "$@" - <<CONFIGURATION
requirepass $password
CONFIGURATION

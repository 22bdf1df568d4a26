#!/bin/sh
# Start Valkey with the configuration file $1 and the password in the secret $2; what follows overrides the file.
# Where $USERS_FILE names users with their rules (deploy/valkey/box.users), each gets the password in the secret beside $2
# that is named after it: box_password, box_app_password. The password in $2 is then that of an administrator.
# Passwords come to Valkey on standard input: neither `ps` nor `docker inspect` shows them.
set -eu
configuration=$1 secret=$2
shift 2

password_of() {
    password=$(cat "$1")
    case $password in
    '' | *[!0-9A-Za-z_-]*)
        echo "start-valkey.sh: $1 must hold a password of letters, digits, - and _ (README: openssl rand -hex 32)" >&2
        return 1
        ;;
    esac
    printf '%s' "$password"
}

users_of() {
    while read -r first rest; do
        case $first in
        '' | '#'*) ;;
        user)
            own=$(password_of "${secret%_password}_${rest}_password") || return 1
            printf '\nuser %s on >%s' "$rest" "$own"
            ;;
        *) printf ' %s' "$first${rest:+ $rest}" ;;
        esac
    done <"$1"
}

password=$(password_of "$secret")
users=
if [ -n "${USERS_FILE:-}" ]; then
    users=$(users_of "$USERS_FILE")
fi
exec valkey-server "$configuration" "$@" - <<CONFIGURATION
requirepass $password
$users
CONFIGURATION

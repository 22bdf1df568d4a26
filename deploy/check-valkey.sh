#!/bin/sh
# Healthy when Valkey answers PONG to whoever knows the password in the secret $1: not while it loads its log.
set -eu
VALKEYCLI_AUTH=$(cat "$1")
REDISCLI_AUTH=$VALKEYCLI_AUTH
export VALKEYCLI_AUTH REDISCLI_AUTH
test "$(valkey-cli -h 127.0.0.1 ping)" = PONG

#!/bin/bash
# Run by the image on a new volume, after create-owner.sh, and by hand on an older one (deploy/README.md): the roles of
# API, workers and auditors.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set api_password `cat "$LEDGER_API_PASSWORD_FILE"`
\set worker_password `cat "$LEDGER_WORKER_PASSWORD_FILE"`
\set auditor_password `cat "$LEDGER_AUDITOR_PASSWORD_FILE"`
\i /opt/roles.sql
SQL

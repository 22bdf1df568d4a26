#!/bin/bash
# Run once by the image on a new volume: the role that the application uses owns its database and is no superuser.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$LEDGER_PASSWORD_FILE"`
\set database `echo "$POSTGRES_DB"`
CREATE ROLE binhchon LOGIN PASSWORD :'password';
ALTER DATABASE :"database" OWNER TO binhchon;
SQL

-- The roles of the ledger beside its owner, for psql by somebody who may create roles; again, it sets the passwords anew.
-- It wants the variables api_password, worker_password and auditor_password. What each role may do in the tables is
-- granted by `binhchon migrate`, at each start: run that afterwards (models/privileges.py).
\set ON_ERROR_STOP on
SELECT format('CREATE ROLE %I', name)
  FROM unnest(ARRAY['binhchon_api', 'binhchon_worker', 'binhchon_auditor']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE binhchon_api LOGIN PASSWORD :'api_password';
ALTER ROLE binhchon_worker LOGIN PASSWORD :'worker_password';
ALTER ROLE binhchon_auditor LOGIN PASSWORD :'auditor_password';

"""Valkey and PostgreSQL from Python wheels, run by ourselves: their sockets, locks, first set-up and start."""

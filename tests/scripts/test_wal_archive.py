"""The continuous archive of docs/operations.md: from a copy and the log since, all of a ledger comes back."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from models.settings import ROOT
from scripts.embedded import unprivileged
from tests.servers import PostgresServer, libpq_url, wait_for


@pytest.fixture
def words(folder: Path) -> Callable[..., list[str]]:
    """The commands as the chapter has them, with the folder of this test: `words("pg_basebackup")`."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    def of(beginning: str) -> list[str]:
        [line] = [line for line in text.splitlines() if line.startswith(beginning + " ")]
        name, *options = line.split("  #")[0].replace("/srv/archive", str(folder / "archive")).split()
        return [str(unprivileged.programs() / name), *options]

    return of


def test_from_a_copy_and_the_archive(
    postgres_factory: Callable[..., PostgresServer], folder: Path, words: Callable[..., list[str]]
) -> None:
    server = postgres_factory()
    password = (server.data_dir / "secrets" / "postgres_password").read_text().strip()
    environment = {"PGPASSWORD": password, "PGHOST": str(server.place.sockets), "PGUSER": "postgres"}
    (folder / "archive" / "wal").mkdir(parents=True)
    subprocess.run(words("pg_receivewal --create-slot"), env=environment, check=True)
    archiver = subprocess.Popen([*words("pg_receivewal --synchronous"), "--no-loop"], env=environment)
    try:
        with psycopg.connect(libpq_url(server.url), autocommit=True) as ledger:
            ledger.execute("CREATE TABLE said (word text)")
            ledger.execute("INSERT INTO said VALUES ('before')")
            subprocess.run(words("pg_basebackup"), env=environment, check=True)
            subprocess.run(words("pg_verifybackup"), check=True, capture_output=True)
            ledger.execute("INSERT INTO said VALUES ('after')")
        with psycopg.connect(libpq_url(server.superuser_url), dbname="postgres", autocommit=True) as watcher:
            last = watcher.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            archived = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= %s"
            wait_for(lambda: watcher.execute(archived, last).fetchone() == (1,), 30, "the archive has it")
        server.kill()
    finally:
        archiver.terminate()
        archiver.wait(20)

    there = folder / "there"
    there.mkdir(mode=0o700)
    shutil.copytree(server.data_dir / "secrets", there / "secrets")
    shutil.copytree(folder / "archive" / "base", there / "postgres")
    (there / "postgres").chmod(0o700)
    (there / "postgres" / "recovery.signal").touch()
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("restore_command = ")]
    with (there / "postgres" / "postgresql.auto.conf").open("a") as file:
        file.write(line.replace("/srv/archive", str(folder / "archive")) + "\n")
    restored = postgres_factory(there)
    with psycopg.connect(libpq_url(restored.url)) as ledger:
        assert ledger.execute("SELECT word FROM said ORDER BY word").fetchall() == [("after",), ("before",)]

"""How long a backup and its return take: `.venv/bin/python -m tests.scripts.measure_backup [votes]`.

A ledger with so many votes (1,000,000 unless told), each with 40 bytes of evidence, an encrypted backup of it, and its
return into an empty database of the same server. Prints seconds and sizes.
"""

import sys
import tempfile
import time
from pathlib import Path

import psycopg
from pydantic import SecretStr

from models.database import transaction, worker_engine
from models.migrate import migrate
from scripts import backup, restore
from tests.scripts.test_prepare import settings_of
from tests.servers import Servers, libpq_url
from tests.workers.contests import stage

_FILL = """
    INSERT INTO votes (account_id, entry_id, cast_at, shard, log_ms, log_seq, receipt, proof, evidence)
    SELECT (n * 7919::bigint) << 20, 1 + n %% 3, now(), 0, 1, n, n, 1, decode(md5(n::text) || md5(n::text), 'hex')
    FROM generate_series(1, %s) n"""


def main() -> None:
    votes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    servers = Servers()
    try:
        with tempfile.TemporaryDirectory() as made:
            _measure(servers, Path(made), votes)
    finally:
        servers.close()


def _measure(servers: Servers, folder: Path, votes: int) -> None:
    server, box = servers.postgres(), servers.valkey("box").url
    url = server.new_database()
    migrate(url)
    (folder / "key").write_text("a key of thirty-two letters or more, made up")
    settings = settings_of(box, url, folder / "data")
    with stage(box, url), psycopg.connect(libpq_url(url)) as connection:
        connection.execute(_FILL, (votes,))
    with transaction(worker_engine(url)) as connection:
        size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    began = time.monotonic()
    assert backup.run(settings, file=folder / "b", key_file=folder / "key", without_box=False) == 0
    made = time.monotonic() - began
    target = settings.model_copy(
        update={"database_url": SecretStr(server.new_database()), "ballot_box_url": None, "data_dir": folder / "there"}
    )
    began = time.monotonic()
    assert restore.run(target, file=folder / "b", key_file=folder / "key", replace=False, check_only=False) == 0
    returned = time.monotonic() - began
    told = (f"{votes:,} votes", f"ledger {size / 1e6:,.0f} MB", f"backup {(folder / 'b').stat().st_size / 1e6:,.0f} MB")
    print(*told, f"made in {made:.1f} s", f"returned in {returned:.1f} s", sep=", ")  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()

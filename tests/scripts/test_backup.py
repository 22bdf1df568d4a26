"""`binhchon backup` and `restore`: every vote that was acknowledged comes back, once, or nothing is changed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from models.ballot_box.connection import box_client
from models.contest import contest_by_id
from models.database import transaction, worker_engine
from models.decisions import pause_box
from models.ledger_copy import connection_words
from models.settings import Settings
from scripts import backup, restore
from scripts.backup_file import check
from tests.scripts.test_prepare import settings_of
from tests.servers import PostgresServer, ValkeyServer, libpq_url, wait_for
from tests.workers.contests import KEYS, Stage
from workers.books import compare
from workers.flush import drain
from workers.repair import RepairRefusedError, repair

KEY = "a key of thirty-two letters or more, made up"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    return path


@pytest.fixture
def settings(open_contest: Stage, box: str, database: str, tmp_path: Path) -> Settings:
    return settings_of(box, database, tmp_path / "data")


@pytest.fixture
def target(new_database: Callable[..., str], settings: Settings, tmp_path: Path) -> Settings:
    """The same installation on another machine: an empty database, no box yet."""
    url = new_database(migrated=False)
    return settings.model_copy(
        update={"database_url": SecretStr(url), "data_dir": tmp_path / "there", "ballot_box_url": None}
    )


def made(settings: Settings, file: Path, key: Path | None = None, **options: bool) -> Path:
    assert backup.run(settings, file=file, key_file=key, **({"without_box": False} | options)) == 0
    return file


def restored(settings: Settings, file: Path, key: Path | None = None, *, replace: bool = False) -> int:
    return restore.run(settings, file=file, key_file=key, replace=replace, check_only=False)


def flush(stage: Stage) -> None:
    assert drain(stage.engine, stage.client, stage.contest_id, 0, seconds=10)


def rows(
    settings: Settings, query: str = "SELECT account_id, entry_id FROM votes WHERE voided_at IS NULL"
) -> list[Any]:
    with psycopg.connect(libpq_url(settings.database())) as connection:
        return connection.execute(query).fetchall()


def reopened(settings: Settings, contest_id: int, box_url: str, **options: Any) -> Any:
    """What `up` does with a restored ledger: a repair. Returns the books."""
    engine = worker_engine(settings.database())
    client = box_client(box_url)
    try:
        repair(engine, client, contest_id, KEYS, **options)
        with transaction(engine) as connection:
            contest = contest_by_id(connection, contest_id)
        return compare(engine, client, contest)
    finally:
        client.close()


def test_votes_of_ledger_and_log_come_back_into_an_empty_box(
    open_contest: Stage,
    settings: Settings,
    target: Settings,
    key: Path,
    tmp_path: Path,
    valkey_factory: Callable[..., ValkeyServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    votes = open_contest.cast_many(150)
    flush(open_contest)
    votes += open_contest.cast_many(70, entry=2)  # in the log alone
    open_contest.open_accounts(5_000_000)
    file = made(settings, tmp_path / "b", key)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".b*"))
    assert check(file, KEY)["events"] == {f"log/{open_contest.contest_id}/0": 71}
    assert "150 votes in the ledger, 71 events of the log" in capsys.readouterr().out
    open_contest.cast_many(10)  # after the backup: on the lost machine

    assert restored(target, file, key) == 0
    assert sorted(rows(target)) == sorted(votes)
    assert rows(target, "SELECT account_id FROM account_openings") == [(5_000_000,)]
    assert rows(target, "SELECT action FROM audit ORDER BY id DESC LIMIT 1") == [("ledger.restore",)]
    books = reopened(target, open_contest.contest_id, valkey_factory("box").url)
    assert (books.drift, books.pending, books.parked) == (0, 0, 0)
    assert [(shard.box_votes, shard.ledger_votes) for shard in books.shards] == [(220, 220)]


def test_a_restored_ledger_is_backed_up_and_restored_again(
    open_contest: Stage, settings: Settings, target: Settings, new_database: Callable[..., str], tmp_path: Path
) -> None:
    votes = open_contest.cast_many(20)
    assert restored(target, made(settings, tmp_path / "b")) == 0
    second = made(target, tmp_path / "c", without_box=True)
    third = target.model_copy(update={"database_url": SecretStr(new_database(migrated=False))})
    assert restored(third, second) == 0
    assert sorted(rows(third)) == sorted(votes)


def test_no_old_log_fits_a_restored_ledger_before_the_repair(
    open_contest: Stage, settings: Settings, target: Settings, box: str, tmp_path: Path
) -> None:
    """Beside the box that goes on: it is shut at once, and every vote that it has taken since is brought home."""
    before = open_contest.cast_many(30)
    flush(open_contest)
    file = made(settings, tmp_path / "b")
    since = open_contest.cast_many(25, entry=3)
    flush(open_contest)
    since += open_contest.cast_many(5, entry=2)
    epoch = open_contest.contest.epoch
    beside = target.model_copy(update={"ballot_box_url": SecretStr(box)})
    assert restored(beside, file) == 0
    assert sorted(rows(target)) == sorted(before)
    assert {outcome.name for outcome in open_contest.cast((77, 1), epoch=epoch)} == {"NOT_READY"}
    books = reopened(target, open_contest.contest_id, box)
    assert books.drift == 0
    assert sorted(rows(target)) == sorted(before + since)
    assert rows(target, "SELECT count(*) FROM votes WHERE recovered_at IS NOT NULL") == [(0,)]


def test_votes_that_left_the_log_come_from_the_ballots_of_a_newer_box(
    open_contest: Stage, settings: Settings, target: Settings, box: str, tmp_path: Path
) -> None:
    before = open_contest.cast_many(10)
    file = made(settings, tmp_path / "b")
    since = open_contest.cast_many(15)
    flush(open_contest)
    open_contest.client.xtrim(open_contest.keys().log, maxlen=1, approximate=False)
    assert restored(target, file) == 0
    assert reopened(target, open_contest.contest_id, box).drift == 0
    assert sorted(rows(target)) == sorted(before + since)
    assert rows(target, "SELECT count(*) FROM votes WHERE recovered_at IS NOT NULL") == [(14,)]


def test_a_box_that_was_repaired_since_stays_shut_until_a_person_says_that_it_is_the_right_one(
    open_contest: Stage, settings: Settings, target: Settings, box: str, tmp_path: Path
) -> None:
    open_contest.cast_many(10)
    file = made(settings, tmp_path / "b")
    open_contest.repair()
    open_contest.cast_many(5)
    assert restored(target, file) == 0
    with pytest.raises(RepairRefusedError, match="--accept-epoch"):
        reopened(target, open_contest.contest_id, box)
    assert len(rows(target)) == 10
    assert reopened(target, open_contest.contest_id, box, accept_epoch=True).drift == 0
    assert len(rows(target)) == 15


def test_a_stop_on_the_box_alone_comes_back(
    open_contest: Stage, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    pause_box(open_contest.client, open_contest.contest_id, 1)
    assert restored(target, made(settings, tmp_path / "b")) == 0
    assert rows(target, "SELECT state FROM contests") == [("paused",)]


def test_pictures_and_generated_secrets_come_with_it(
    open_contest: Stage, settings: Settings, target: Settings, key: Path, tmp_path: Path
) -> None:
    (settings.data_dir / "secrets").mkdir(parents=True)
    (settings.data_dir / "secrets" / "identity_key").write_text(KEYS.identity_key + "\n")
    (settings.data_dir / "secrets" / "session_keys").write_text("made up\n")
    (settings.data_dir / "secrets" / "postgres_password").write_text("another machine's\n")
    settings.media().mkdir(parents=True)
    picture = settings.media() / ("0" * 32 + ".webp")
    picture.write_bytes(os.urandom(3_000_000))
    generated = {"identity_key": None, "session_keys": None}
    file = made(settings.model_copy(update=generated), tmp_path / "b", key, with_secrets=True)
    there = target.model_copy(update=generated)
    assert restored(there, file, key) == 0
    assert (there.media() / picture.name).read_bytes() == picture.read_bytes()
    kept = {path.name: path.read_text() for path in (there.data_dir / "secrets").iterdir()}
    assert kept == {"identity_key": KEYS.identity_key + "\n", "session_keys": "made up\n"}
    assert (there.data_dir / "secrets" / "identity_key").stat().st_mode & 0o777 == 0o600


def test_secrets_are_kept_apart_and_leave_the_machine_encrypted_only(
    open_contest: Stage, settings: Settings, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings.data_dir / "secrets").mkdir(parents=True)
    (settings.data_dir / "secrets" / "identity_key").write_text(KEYS.identity_key)
    own = settings.model_copy(update={"identity_key": None})
    assert backup.run(own, file=tmp_path / "b", key_file=None, without_box=False, with_secrets=True) == 1
    assert "encrypted only" in capsys.readouterr().err
    for name, key_file in (("b", None), ("c", key)):
        file = made(own, tmp_path / name, key_file)
        assert KEYS.identity_key.encode() not in file.read_bytes()
        parts = check(file, KEY if key_file else None)["parts"]
        assert list(parts) == [f"log/{open_contest.contest_id}/0", "ledger.dump"]
        assert "the identity key is not in it" in capsys.readouterr().err


def test_with_the_box_away_it_is_refused_unless_told(
    settings: Settings, target: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = settings.model_copy(update={"ballot_box_url": SecretStr("unix:///nonexistent/box.sock")})
    assert backup.run(away, file=tmp_path / "b", key_file=None, without_box=False) == 1
    assert "--without-box" in capsys.readouterr().err
    assert not list(tmp_path.glob("*b*"))
    made(away, tmp_path / "b", without_box=True)
    assert restored(target, tmp_path / "b") == 0


def test_a_box_that_does_not_fit_is_waited_for_and_then_refused(
    open_contest: Stage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(backup, "PATIENCE_S", 0.1)
    open_contest.cast_many(3)
    flush(open_contest)
    open_contest.client.delete(open_contest.keys().log)
    assert backup.run(settings, file=tmp_path / "b", key_file=None, without_box=False) == 1
    assert "box and ledger do not fit" in capsys.readouterr().err
    open_contest.client.delete(open_contest.keys().contest)
    assert backup.run(settings, file=tmp_path / "b", key_file=None, without_box=False) == 1
    assert "is not open in the box" in capsys.readouterr().err
    assert not list(tmp_path.glob("*b*"))


def test_a_file_that_is_there_and_a_disk_that_is_full(
    open_contest: Stage, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").write_text("precious")
    assert backup.run(settings, file=tmp_path / "b", key_file=None, without_box=False) == 1
    assert (tmp_path / "b").read_text() == "precious"
    assert "is there already" in capsys.readouterr().err
    limited = (
        "import resource, signal, sys; from pathlib import Path; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "sys.dont_write_bytecode = True;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "from models.settings import settings; from scripts import backup;"
        "sys.exit(backup.run(settings(), file=Path(sys.argv[1]), key_file=None, without_box=False))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, str(tmp_path / "c")],
        env={
            "PATH": os.defpath,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": settings.database(),
            "BALLOT_BOX_URL": settings.box(),
            "SCRATCH_URL": settings.scratch(),
            "IDENTITY_KEY": KEYS.identity_key,
            "SESSION_KEYS": "made up",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"binhchon: cannot write {tmp_path / 'c'}: File too large\n")
    assert not list(tmp_path.glob("*c*"))


def unchanged(settings: Settings) -> list[Any]:
    query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^pg_|^information' ORDER BY 1, 2"
    return rows(settings, query)


def test_whatever_is_wrong_with_it_nothing_is_changed(
    open_contest: Stage, settings: Settings, target: Settings, key: Path, tmp_path: Path, capsys: Any
) -> None:
    open_contest.cast_many(10)
    file = made(settings, tmp_path / "b", key)
    content = file.read_bytes()
    for name, broken in {"cut": content[:-10], "changed": content[:-900] + b"x" + content[-899:]}.items():
        (tmp_path / name).write_bytes(broken)
        assert restored(target, tmp_path / name, key) == 1
    assert restored(target, file, None) == 1
    (tmp_path / "other").write_text(KEY[::-1])
    assert restored(target, file, tmp_path / "other") == 1
    others = target.model_copy(update={"identity_key": SecretStr("another installation's")})
    assert restored(others, file, key) == 1
    assert "with another identity key" in capsys.readouterr().err
    none = target.model_copy(update={"identity_key": None})
    assert restored(none, file, key) == 1
    assert "does not hold the identity key" in capsys.readouterr().err
    assert unchanged(target) == []
    assert not (target.data_dir / "secrets").exists()


def test_a_ledger_of_a_newer_release_is_refused(
    open_contest: Stage, settings: Settings, target: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert restored(target, made(settings, tmp_path / "b")) == 1
    assert "made by a newer release (its ledger is at 9999)" in capsys.readouterr().err
    assert unchanged(target) == []


def test_a_ledger_that_is_there_is_left_alone_or_kept_beside(
    open_contest: Stage, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = open_contest.cast_many(10)
    file = made(settings, tmp_path / "b")
    flush(open_contest)
    late = open_contest.cast_many(5)
    flush(open_contest)
    assert restored(settings, file) == 1
    assert "is not empty" in capsys.readouterr().err
    assert sorted(rows(settings)) == sorted(before + late)
    assert restored(settings, file, replace=True) == 0
    assert sorted(rows(settings)) == sorted(before)
    [(kept,)] = rows(settings, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replaced%'")
    assert len(rows(settings, f"SELECT * FROM {kept}.votes")) == 15
    assert made(settings, tmp_path / "c", without_box=True)
    again = check(tmp_path / "c", None)["rows"]
    assert again.keys() == check(file, None)["rows"].keys()
    assert again["votes"] == 10


def test_nobody_may_be_logged_in(
    settings: Settings, target: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made(settings, tmp_path / "b")
    with psycopg.connect(libpq_url(target.database())):
        assert restored(target, file) == 1
    assert "stop every process of the installation first" in capsys.readouterr().err
    assert unchanged(target) == []


@pytest.mark.parametrize("step", ["_load", "_become", "_note"])
def test_dies_in_a_step_and_is_run_again(
    open_contest: Stage, settings: Settings, target: Settings, tmp_path: Path, step: str, monkeypatch: Any
) -> None:
    """Steps 4, between 4 and 5, and at the end of 5, of the crash table."""
    votes = open_contest.cast_many(40)
    file = made(settings, tmp_path / "b")
    work = restore._load

    def dies(*words: Any, **options: Any) -> None:
        if step == "_load":
            work(*words, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restore, step, dies)
        with pytest.raises(KeyboardInterrupt):
            restored(target, file)
    assert {schema for schema, _table in unchanged(target)} <= {"restoring"}
    assert restored(target, file) == 0
    assert sorted(rows(target)) == sorted(votes)
    assert {schema for schema, _table in unchanged(target)} == {"public"}


def test_a_copy_that_cannot_be_put_back_whole_leaves_nothing(
    open_contest: Stage, settings: Settings, target: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of a type that lies outside of what is copied: the copy cannot be put back."""
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("CREATE SCHEMA elsewhere")
        connection.exec_driver_sql("CREATE DOMAIN elsewhere.odd AS int")
        connection.exec_driver_sql("CREATE TABLE odd (number elsewhere.odd)")
    file = made(settings, tmp_path / "b")
    assert restored(target, file) == 1
    assert 'schema "elsewhere" does not exist' in capsys.readouterr().err
    assert unchanged(target) == []


def test_rights_of_roles_that_this_server_does_not_have_are_no_hindrance(
    open_contest: Stage, settings: Settings, target: Settings, postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.execute("CREATE ROLE test_reader")
    try:
        with transaction(open_contest.engine) as connection:
            connection.exec_driver_sql("GRANT SELECT ON votes TO test_reader")
        file = made(settings, tmp_path / "b")
        with transaction(open_contest.engine) as connection:
            connection.exec_driver_sql("REVOKE SELECT ON votes FROM test_reader")
    finally:
        postgres.execute("DROP ROLE test_reader")
    assert restored(target, file) == 0


def test_the_password_is_not_on_the_command_line() -> None:
    words, password = connection_words("postgresql+psycopg://lan:s%40cret@db.example.vn:5433/binhchon?sslmode=require")
    assert password == "s@cret"
    assert sorted(words.split()) == [
        "dbname=binhchon",
        "host=db.example.vn",
        "port=5433",
        "sslmode=require",
        "user=lan",
    ]


def test_a_backup_that_is_killed_leaves_no_backup(open_contest: Stage, settings: Settings, tmp_path: Path) -> None:
    """It waits for a table that somebody has locked; there it is killed, and the next one of that name goes through."""
    holder = psycopg.connect(libpq_url(settings.database()))
    holder.execute("LOCK TABLE votes IN ACCESS EXCLUSIVE MODE")
    environment = {
        "PATH": os.defpath,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": settings.database(),
        "BALLOT_BOX_URL": settings.box(),
        "SCRATCH_URL": settings.scratch(),
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": "made up",
    }
    process = subprocess.Popen([sys.executable, "-m", "scripts.cli", "backup", str(tmp_path / "b")], env=environment)
    wait_for((tmp_path / ".b.part").exists, 30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    holder.close()
    assert not (tmp_path / "b").exists()
    made(settings, tmp_path / "b")
    assert not (tmp_path / ".b.part").exists()

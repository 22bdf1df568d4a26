"""PostgreSQL's own programs, as backup and restore use them: told of the ledger, never its password in `ps`."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from models.ledger_copy import BEGIN_COPY, END_COPY, connection_words
from scripts.backup_file import CHUNK, BackupError
from scripts.embedded.unprivileged import programs

_OPTIONS = "-c maintenance_work_mem=256MB -c client_min_messages=error"


def dump(url: str, snapshot: str) -> Iterator[bytes]:
    """`pg_dump`'s copy of the schema `public` at a moment that another transaction holds. Errors: BackupError."""
    words = ["--format=custom", "--compress=gzip:1", f"--snapshot={snapshot}", "--schema=public"]
    with _run("pg_dump", url, [*words, "--lock-wait-timeout=10s"], stdout=subprocess.PIPE) as process:
        while data := _piped(process.stdout).read(CHUNK):
            yield data


def load(url: str, content: Iterable[bytes]) -> None:
    """Puts a copy into the schema `restoring`, as the role of `url`, without the rights of others, whom this server may
    not know. Errors: BackupError; then what is there is not whole.
    """
    options = ["--no-owner", "--no-privileges", "--file=-"]
    session = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    session += [f"--command={BEGIN_COPY}", "--file=-", f"--command={END_COPY}"]
    reading = _run("pg_restore", None, options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with reading as reader, _run("psql", url, session, stdin=reader.stdout, stdout=subprocess.DEVNULL):
        _piped(reader.stdout).close()  # psql's alone now
        with suppress(BrokenPipeError):  # it has ended, and says why below
            for data in content:
                _piped(reader.stdin).write(data)
            _piped(reader.stdin).close()


@contextmanager
def _run(
    name: str, url: str | None, options: list[str], *, stdin: int | IO[bytes] | None = subprocess.DEVNULL, stdout: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has ended well when the block has; it is killed when the block fails. Errors: BackupError."""
    environment = {"PATH": os.defpath, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "5", "PGOPTIONS": _OPTIONS}
    if url is not None:
        words, environment["PGPASSWORD"] = connection_words(url)
        options = [f"--dbname={words}", "--no-password", *options]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - ours
                [str(programs() / name), *options],
                stdin=stdin,
                stdout=stdout,
                stderr=said,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise BackupError(f"cannot start {name}: {error.strerror}") from None
        try:
            yield process
            _close(process)
            status = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            _close(process)
            process.wait()
        if status:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise BackupError(f"{name}: {lines[0].removeprefix(name + ': ') if lines else f'exit status {status}'}")


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.close()


def _piped(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("the program was started without a pipe")
    return pipe

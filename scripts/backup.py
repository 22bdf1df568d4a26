"""`binhchon backup FILE`: ledger, the log's tail and pictures in one file, while everything runs.

    remember how far each log has got ─▶ hold the ledger at one moment ─▶ copy from each log what that ledger has not
    ─▶ `pg_dump` of that very moment ─▶ pictures ─▶ manifest ─▶ fsync ─▶ read it all again ─▶ its name

So every vote that was acknowledged before the command began is in the file: in the ledger's copy, or in the log's
tail. Ballots, tallies and all else of the box are made anew from these by the repair. Scratch is left out: what is in
it lives for minutes, but for claims and late lines, which are in the ledger seconds later.

| dies …                    | then                                                              |
|---------------------------|-------------------------------------------------------------------|
| before the file's name    | a `.<name>.part` is left, which the next backup of that name uses |
| after that                | the backup is whole; the audit log may lack its line              |
"""

import fcntl
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from models.audit import Actor, record
from models.ballot_box import drain, steer
from models.ballot_box.connection import BoxAway, BoxClient, BoxRefused, box_client
from models.ballot_box.drain import LogEvent
from models.ballot_box.keys import shard_keys
from models.contest import Contest
from models.cursor import Cursor
from models.database import LedgerAway, transaction, worker_engine
from models.ledger_copy import CopyRefusedError, Held, held
from models.settings import Settings
from scripts import backup_programs
from scripts.backup_file import BackupError, BackupWriter, Manifest, check, read_key
from workers.flush import LogFaultError, NotReadyError, check_overlap

ACTOR = Actor("binhchon backup")
LEDGER = "ledger.dump"
MEDIA = "media/"
SECRETS = "secrets/"
GENERATED = ("identity_key", "session_keys")
PATIENCE_S = 20.0
"""How long a repair that is under way is waited for."""
_PAGE = 10_000  # events
EVENT_HEAD = struct.Struct(">QIH")
"""Of an event in a log's part: ms, seq, bytes that follow."""


class _NotYetError(Exception):
    """Log and ledger do not fit at this moment; a repair may be at work."""


def run(settings: Settings, *, file: Path, key_file: Path | None, without_box: bool, with_secrets: bool = False) -> int:
    """Returns 0, or 1 where no backup could be made: then nothing has the name of one."""
    began = time.monotonic()
    try:
        key = read_key(key_file)
        if with_secrets and key is None:
            raise BackupError("secrets leave the machine encrypted only: give --key-file with --with-secrets")  # noqa: TRY301
        manifest = _make(settings, file, key, without_box=without_box, with_secrets=with_secrets)
    except (BackupError, CopyRefusedError, _NotYetError) as error:
        print(f"binhchon: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"binhchon: cannot write {file}: {error.strerror}", file=sys.stderr)
        return 1
    _note(settings, file)
    print(told(file, manifest) + f"; read again and found whole; {time.monotonic() - began:.1f} s")
    if key is None:
        print("binhchon: it is not encrypted, and holds account numbers and traces of networks", file=sys.stderr)
    if not with_secrets and settings.identity_key is None:
        kept = settings.data_dir / "secrets" / "identity_key"
        print(f"binhchon: the identity key is not in it: keep a copy of {kept} in another place", file=sys.stderr)
    return 0


def _make(settings: Settings, file: Path, key: str | None, *, without_box: bool, with_secrets: bool) -> Manifest:
    """Errors: BackupError, CopyRefusedError, _NotYetError, LedgerAway, OSError."""
    if file.exists():
        raise BackupError(f"{file} is there already")
    with _open_part(file) as (part, path):
        manifest = _patiently(lambda: _write(settings, part, key, without_box=without_box, with_secrets=with_secrets))
        part.flush()
        os.fsync(part.fileno())
        if check(path, key) != manifest:
            raise BackupError(f"{path} does not read as it was written: look at the disk")
        path.rename(file)
    _sync(file.parent)
    return manifest


def told(file: Path, manifest: Manifest) -> str:
    """One line about a backup."""
    rows, events = manifest["rows"], manifest["events"]
    size = file.stat().st_size / 1e6
    return (
        f"{file}: {size:,.1f} MB, of {manifest['made_at']}, {rows['votes']:,} votes in the ledger,"
        f" {sum(events.values()):,} events of the log beside it"
    )


@contextmanager
def _open_part(file: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file beside the one that it becomes, for one backup at a time; gone when the block fails."""
    path = file.with_name(f".{file.name}.part")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as part:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup is writing {path}") from None
        os.fchmod(descriptor, 0o600)
        try:
            yield part, path
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _patiently(write: Callable[[], Manifest]) -> Manifest:
    """Tries again while a repair is at work."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except _NotYetError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def _write(settings: Settings, part: BinaryIO, key: str | None, *, without_box: bool, with_secrets: bool) -> Manifest:
    """Errors: BackupError, _NotYetError, LedgerAway."""
    part.seek(0)
    part.truncate()
    url, made_at = settings.database(), datetime.now(UTC).isoformat(timespec="milliseconds")
    fingerprint = settings.keys().fingerprint()
    writer = BackupWriter(part, {"made_at": made_at, "fingerprint": fingerprint}, key)
    stops, events = dict[str, int](), dict[str, int]()
    with held(worker_engine(url)) as ledger:
        if not without_box:
            with closing(box_client(settings.box(), timeout=10.0)) as box:
                events = _logs(writer, box, ledger, stops)
        writer.part(LEDGER, backup_programs.dump(url, ledger.snapshot))
    _media(writer, settings.media())
    if with_secrets:
        _secrets(writer, settings)
    manifest: Manifest = {
        "made_at": made_at,
        "fingerprint": fingerprint,
        "server": ledger.server,
        "revision": ledger.revision,
        "rows": ledger.rows,
        "events": events,
        "stops": stops,
        "box": not without_box,
    }
    writer.end(manifest)
    return manifest | {"parts": writer.parts}


def _logs(writer: BackupWriter, box: BoxClient, ledger: Held, stops: dict[str, int]) -> dict[str, int]:
    """The tail of every log, and how often voting was stopped on the box alone. Returns part → events.

    Errors: BackupError, _NotYetError.
    """
    events = {}
    try:
        for contest in ledger.contests:
            for shard, cursor in ledger.cursors[contest.id].items() if contest.epoch else ():
                name = f"log/{contest.id}/{shard}"
                try:
                    events[name] = _log(writer, box, name, cursor)
                except NotReadyError:
                    _may_be_absent(contest)
            stops[str(contest.id)] = _stops(box, contest)
    except LogFaultError as error:
        raise _NotYetError(
            f"box and ledger do not fit ({error}): run `binhchon repair`, or give --without-box"
        ) from None
    except (BoxAway, BoxRefused) as error:
        raise BackupError(
            f"the box does not answer ({error}): votes that are not in the ledger yet would be missing. With"
            " --without-box the backup is made without them"
        ) from None
    return events


def _may_be_absent(contest: Contest) -> None:
    """A contest that is final takes nothing more: its log has nothing that the ledger has not."""
    if contest.state != "final":
        raise _NotYetError(f"{contest.slug} is not open in the box: wait for its repair, or give --without-box")


def _stops(box: BoxClient, contest: Contest) -> int:
    standings = [steer.pulse(box, shard_keys(contest.id, shard)) for shard in range(contest.shards)]
    return max((standing.stops for standing in standings), default=0)


def _log(writer: BackupWriter, box: BoxClient, name: str, cursor: Cursor) -> int:
    """The events after the cursor, up to the last one of this moment. Returns how many."""
    keys = shard_keys(cursor.contest_id, cursor.shard)
    page = drain.read_log(box, keys, cursor.at, _PAGE)
    check_overlap(cursor, page, _PAGE - 1)
    pending = page.added - cursor.taken
    counted = 0

    def content() -> Iterator[bytes]:
        nonlocal counted
        rest, events = page.events[-1][:2], page.events[1:]
        while events:
            counted += len(events)
            yield packed(events)
            if counted >= pending:
                return
            events = drain.read_log(box, keys, rest, _PAGE).events[1:]
            rest = events[-1][:2] if events else rest

    writer.part(name, content())
    if counted < pending:
        raise _NotYetError(f"{pending} events are pending in {name}, {counted} could be read")
    return counted


def packed(events: list[LogEvent]) -> bytes:
    return b"".join(EVENT_HEAD.pack(ms, seq, len(body)) + body for ms, seq, body in events)


def _media(writer: BackupWriter, folder: Path) -> None:
    """Pictures and attachments: each under the hash of its bytes, so that none changes while it is read."""
    for path in sorted(folder.glob("*")):
        if path.is_file() and not path.name.startswith("."):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            writer.part(MEDIA + path.name, [content])


def _secrets(writer: BackupWriter, settings: Settings) -> None:
    """Those that were generated, if they are asked for: whoever has ledger and identity key can find telephone numbers
    by trying them all, so the two are kept apart (docs/privacy.md). Those of the environment are not ours to copy.
    """
    for name in GENERATED:
        path = settings.data_dir / "secrets" / name
        if getattr(settings, name) is None and path.exists():
            writer.part(SECRETS + name, [path.read_bytes()])


def _note(settings: Settings, file: Path) -> None:
    try:
        with transaction(worker_engine(settings.database())) as connection:
            record(connection, ACTOR, "backup.make", f"file:{file}")
    except LedgerAway as error:
        print(f"binhchon: the audit log has no line of this backup: {error}", file=sys.stderr)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

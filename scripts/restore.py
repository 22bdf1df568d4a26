"""`binhchon restore FILE`: an installation from its backup. Everything is stopped meanwhile.

    1 read the whole file: not cut, not changed, the right key, a release that we know ─▶ 2 is it this installation's?
    is the database empty, or may it be replaced? is nobody logged in? ─▶ 3 generated secrets, pictures
    ─▶ 4 the ledger's copy into a schema that nothing reads ─▶ 5 in one transaction: it becomes the ledger, its rows are
    counted, the log's tail is poured, every contest is taken out of the epochs that a box may be in; COMMIT

| dies …      | then                                                                                               |
|-------------|----------------------------------------------------------------------------------------------------|
| in 1, 2     | nothing was changed                                                                                |
| in 3        | secrets and pictures are there already; they are left as they are by the next restore              |
| in 4        | the ledger is as it was before; what was begun is dropped by the next restore                      |
| in 5        | the same                                                                                           |
| after 5     | the ledger is whole; no box is in its epoch, so nothing is served before the repair that `up` does |

A box that is still there loses nothing by it: the repair pours its whole log and every ballot into the ledger. One in
an epoch that the backup does not know stays shut until a person says that it belongs to it (decision 0006).
"""

import hashlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from models.audit import Actor, record
from models.ballot_box import steer
from models.ballot_box.connection import BoxAway, BoxRefused, box_client
from models.ballot_box.drain import LogEvent
from models.ballot_box.keys import shard_keys
from models.contest import all_contests, take_over_stops
from models.cursor import resolve_parked
from models.database import Connection, Engine, LedgerAway, transaction, worker_engine
from models.ledger_copy import (
    REPLACED,
    CopyRefusedError,
    analyze,
    become_ledger,
    begin_life,
    forget_unfinished,
    look_at_target,
)
from models.secrets import KeyRing
from models.settings import Settings
from models.tally import recount_tallies
from scripts import backup_programs, stack
from scripts.backup import EVENT_HEAD, GENERATED, LEDGER, MEDIA, SECRETS, told
from scripts.backup_file import BackupError, BackupReader, Manifest, Piece, check, read_key
from scripts.embedded import lock, postgres, process, unprivileged
from workers.pour import pour

ACTOR = Actor("binhchon restore")
_START_S = 120.0
_BATCH = 10_000  # events


def run(settings: Settings, *, file: Path, key_file: Path | None, replace: bool, check_only: bool) -> int:
    """Returns 0, or 1 where the backup was refused: then nothing was changed, as the text says."""
    began = time.monotonic()
    try:
        key = read_key(key_file)
        manifest = check(file, key)
        print(told(file, manifest) + ": whole")
        if check_only:
            return 0
        stack.open_data_dir(settings.data_dir)
        owner = stack.take_supervisor_lock(settings.data_dir)
        try:
            _restore(settings, file, key, manifest, replace=replace)
        finally:
            os.close(owner)
    except (BackupError, CopyRefusedError) as error:
        print(f"binhchon: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"binhchon: {error.filename or file}: {error.strerror}", file=sys.stderr)
        return 1
    print(
        f"Restored in {time.monotonic() - began:.1f} s. Start everything: the box is filled before anything is served."
    )
    return 0


def _restore(settings: Settings, file: Path, key: str | None, manifest: Manifest, *, replace: bool) -> None:
    """Errors: BackupError, CopyRefusedError, LedgerAway, EmbeddedError."""
    found = _generated(file, key, settings)
    _is_this_installation(settings, manifest, found)
    with _ledger(settings) as url:
        engine = worker_engine(url)
        look_at_target(engine, manifest["revision"], replace=replace)
        forget_unfinished(engine)
        for name, content in found.items():
            _put(settings.data_dir / "secrets" / name, content, 0o600)
        _media(file, key, settings.media())
        os.sync()  # their names too
        _load(url, file, key)
        lost = _become(engine, file, key, manifest)
        with suppress(LedgerAway):
            analyze(engine)
        if lost:
            print(f"{lost} events of the log were refused and stand parked: see the alarms.")
        _shut_box(settings, engine)


def _generated(file: Path, key: str | None, settings: Settings) -> dict[str, bytes]:
    """Generated secrets of the backup that this installation has neither in its folder nor in the environment."""
    found: dict[str, bytes] = {}
    for piece in _pieces(file, key):
        name = piece.part.removeprefix(SECRETS)
        if piece.kind == "D" and piece.part.startswith(SECRETS) and name in GENERATED:
            found[name] = found.get(name, b"") + piece.data
    secrets_dir = settings.data_dir / "secrets"
    return {
        name: content
        for name, content in found.items()
        if getattr(settings, name) is None and not (secrets_dir / name).exists()
    }


def _is_this_installation(settings: Settings, manifest: Manifest, found: dict[str, bytes]) -> None:
    """Errors: BackupError where the identity key is another one, or there is none: nothing would fit its receipts."""
    kept = settings.data_dir / "secrets" / "identity_key"
    if settings.identity_key is not None:
        identity = settings.identity_key.get_secret_value()
    elif kept.exists():
        identity = kept.read_text(encoding="utf-8").strip()
    elif "identity_key" in found:
        identity = found["identity_key"].decode().strip()
    else:
        raise BackupError(f"the backup does not hold the identity key: set IDENTITY_KEY, or put it into {kept} (0600)")
    if KeyRing(identity, ()).fingerprint() != manifest["fingerprint"]:
        raise BackupError(
            "the backup is of an installation with another identity key: set IDENTITY_KEY, or begin with an empty"
            " DATA_DIR"
        )


@contextmanager
def _ledger(settings: Settings) -> Iterator[str]:
    """The database's address; the embedded one runs for as long as the block. Errors: EmbeddedError."""
    if settings.database_url is not None:
        yield settings.database()
        return
    data_dir = settings.data_dir
    lock.clear(postgres.lock_path(data_dir))
    place = unprivileged.find_place(data_dir)
    log = data_dir / "logs" / "postgres.log"
    server = postgres.start_postgres(place, data_dir, log=log)
    try:
        process.wait_until(lambda: postgres.accepts(place.data, server.pid), server, _START_S, log)
        yield postgres.url(place, data_dir / "secrets")
    finally:
        process.end(server, signal.SIGINT, 60)


def _pieces(file: Path, key: str | None) -> Iterator[Piece]:
    with file.open("rb") as opened:
        yield from BackupReader(opened, key).pieces()


def _put(path: Path, content: bytes, mode: int) -> None:
    """Writes a file whole or not at all, and to the disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    temporary.replace(path)


def _media(file: Path, key: str | None, folder: Path) -> None:
    """Files that are there stay as they are: a name is the hash of what is in it."""
    content = b""
    for piece in _pieces(file, key):
        name = piece.part.removeprefix(MEDIA)
        if not piece.part.startswith(MEDIA):
            continue
        if name != Path(name).name or name.startswith("."):
            raise BackupError(f"the backup has a picture of the name {name}")
        if piece.kind == "P":
            content = b""
        elif piece.kind == "D":
            content += piece.data
        elif not (folder / name).exists():
            _put(folder / name, content, 0o644)


def _load(url: str, file: Path, key: str | None) -> None:
    copied = (piece.data for piece in _pieces(file, key) if piece.kind == "D" and piece.part == LEDGER)
    backup_programs.load(url, copied)


def _become(engine: Engine, file: Path, key: str | None, manifest: Manifest) -> int:
    """Step 5. Returns how many events of the tail were parked. Errors: CopyRefusedError, BackupError, LedgerAway."""
    parked = 0
    with transaction(engine) as connection:
        become_ledger(connection, manifest["rows"], REPLACED + time.strftime("%Y%m%dt%H%M%S", time.gmtime()))
        last: dict[int, dict[int, tuple[int, int]]] = {}
        for contest_id, shard, events in _tail(file, key):
            parked += pour(connection, contest_id, shard, events, all_new=False).parked
            last.setdefault(contest_id, {})[shard] = events[-1][:2]
        for contest in all_contests(connection):
            resolve_parked(connection, contest.id)
            recount_tallies(connection, contest.id)
            if contest.state != "final":
                take_over_stops(connection, contest.id, manifest["stops"].get(str(contest.id), 0))
                if contest.epoch:
                    begin_life(connection, contest.id, last.get(contest.id, {}))
        _note(connection, file, manifest)
    return parked


def _tail(file: Path, key: str | None) -> Iterator[tuple[int, int, list[LogEvent]]]:
    """(contest, shard, events) in the order of each log."""
    rest = b""
    for piece in _pieces(file, key):
        if not piece.part.startswith("log/"):
            continue
        _, contest_id, shard = piece.part.split("/")
        rest = b"" if piece.kind == "P" else rest + piece.data
        events: list[LogEvent] = []
        at = 0
        while at + EVENT_HEAD.size <= len(rest):
            ms, seq, size = EVENT_HEAD.unpack_from(rest, at)
            end = at + EVENT_HEAD.size + size
            if end > len(rest):
                break
            events.append((ms, seq, rest[at + EVENT_HEAD.size : end]))
            at = end
        rest = rest[at:]
        for first in range(0, len(events), _BATCH):
            yield int(contest_id), int(shard), events[first : first + _BATCH]


def _note(connection: Connection, file: Path, manifest: Manifest) -> None:
    digest = hashlib.sha256(repr(sorted(manifest["parts"].items())).encode()).hexdigest()[:16]
    after = {
        "made_at": manifest["made_at"],
        "votes": manifest["rows"]["votes"],
        "events": sum(manifest["events"].values()),
    }
    record(connection, ACTOR, "ledger.restore", f"file:{file}", after=after | {"parts": digest})


def _shut_box(settings: Settings, engine: Engine) -> None:
    """Shuts a box that answers, so that no API process takes votes before the repair. Its votes stay in it."""
    if settings.ballot_box_url is None:
        return
    token = secrets.token_hex(8)
    try:
        with closing(box_client(settings.box(), timeout=5.0)) as box, transaction(engine) as connection:
            for contest in all_contests(connection):
                for shard in range(contest.shards) if contest.state != "final" else ():
                    if steer.pulse(box, shard_keys(contest.id, shard)).state:
                        steer.shut(box, shard_keys(contest.id, shard), token)
    except (BoxAway, BoxRefused) as error:
        print(f"The box does not answer ({error}); it is repaired when it does.")

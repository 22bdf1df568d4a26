"""A short private folder for Unix sockets: their paths end at 107 bytes, and DATA_DIR may be deep."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from scripts.embedded.process import EmbeddedError

LONGEST = 107
"""Bytes of a Unix socket's path (`sun_path`, without its closing zero)."""


def socket_folder(data_dir: Path) -> Path:
    """The folder of one DATA_DIR's sockets, made with mode 0700: `/tmp/binhchon-<uid>-<hash of the path>`.

    Errors: EmbeddedError when somebody else's file, folder or link is in the place, or the path is too long.
    """
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"binhchon-{os.getuid()}-{name}"
    if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) > LONGEST:
        folder = Path("/tmp") / folder.name  # noqa: S108 - TMPDIR is too deep; ownership is checked below
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise EmbeddedError(f"cannot make {folder}: {error.strerror}") from None
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EmbeddedError(f"{folder} is not a folder of ours: remove it")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder

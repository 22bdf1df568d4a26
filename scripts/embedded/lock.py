"""One owner for each data folder: exclusive locks that servers inherit, and the end of those that outlive their owner.

A lock belongs to the open file, not to a process: it is held until the last process that inherited the descriptor is
gone. So a folder is free only when its server, and every child that the server forked, has ended.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.embedded.process import EmbeddedError

WAIT_S = 2.0
"""How long a server whose owner is dead may take to end by itself."""
TERM_S = 5.0
"""How long it may take after SIGTERM, before it is killed."""


class LockTakenError(EmbeddedError):
    """Somebody holds the lock."""


def take(path: Path) -> int:
    """An inheritable descriptor that holds the lock `path`. Errors: LockTakenError, OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LockTakenError(f"{path} is held by another process ({_names(holders(path))})") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def inherited(path: Path) -> Iterator[int]:
    """The lock `path` for a child that is started inside; afterwards that child alone holds it.

    Errors: LockTakenError.
    """
    descriptor = take(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def holders(path: Path) -> list[int]:
    """Process ids (without our own) that have the file `path` open, as far as we may see them."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return []
    return sorted(pid for pid in _processes() if pid != os.getpid() and _has_open(pid, (wanted.st_dev, wanted.st_ino)))


def clear(path: Path, *, wait_s: float = WAIT_S, term_s: float = TERM_S) -> list[int]:
    """End what still holds the lock `path`: wait `wait_s` seconds for it, then SIGTERM, after `term_s` SIGKILL.

    Only for whoever knows that the owner of these processes is dead. Returns the pids that had to be signalled.
    Errors: LockTakenError when the lock is still held (by a process that we may not see or signal).
    """
    signalled: list[int] = []
    for how, seconds in ((None, wait_s), (signal.SIGTERM, term_s), (signal.SIGKILL, 2.0)):
        if how is not None:
            signalled += [pid for pid in holders(path) if _signal(path, pid, how) and pid not in signalled]
        if _free_within(path, seconds):
            return signalled
    raise LockTakenError(f"{path} is held by another process ({_names(holders(path))}), which cannot be ended")


def _free_within(path: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(LockTakenError), inherited(path):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def _signal(path: Path, pid: int, how: signal.Signals) -> bool:
    """Signal the holder `pid`; by a descriptor taken before a second look, since pids are used again."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if pid not in holders(path):
            return False
        signal.pidfd_send_signal(descriptor, how)
        signal.pidfd_send_signal(descriptor, signal.SIGCONT)  # one that was stopped could not end in order
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _has_open(pid: int, wanted: tuple[int, int]) -> bool:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # ended, or another user's
        return False
    for descriptor in descriptors:
        with suppress(OSError):
            found = descriptor.stat()
            if (found.st_dev, found.st_ino) == wanted:
                return True
    return False


def _names(pids: list[int]) -> str:
    return "pid " + ", ".join(map(str, pids)) if pids else "of another user"

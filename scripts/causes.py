"""Why a process ended, in a sentence for people: from what it wrote into its log, and from how it ended.

Only causes that somebody can do something about. What is not among them is left to the log.
"""

import re
import signal
from contextlib import suppress
from pathlib import Path

TAIL_BYTES = 4 * 1024
"""Of what a process wrote since it was started: the reason stands at the end, and what went wrong earlier did not end
it."""
_VMSTAT = Path("/proc/vmstat")
_FILE_SIZE = "a file may not grow any more (ulimit -f): raise the limit, and it goes on by itself"
_DISK = "the disk is full: make room, and it goes on by itself"
_MEMORY = "the machine has too little memory for it: end other programs, or lower BOX_MAXMEMORY and SCRATCH_MAXMEMORY"
_DAMAGED = (
    "its files are damaged: copy the folder away before anything else, then see “Backups and their return” in"
    " docs/operations.md"
)
_SENTENCES = (
    (r"No space left on device|Disk quota exceeded|Short write while writing to the AOF file", _DISK),
    (r"File too large", _FILE_SIZE),
    (r"Cannot allocate memory|Out Of Memory allocating|out of memory|MemoryError", _MEMORY),
    (r"Too many open files", "it may not open more files (ulimit -n): raise the limit"),
    (r"Can't handle RDB format version", "its folder was written by a newer Valkey: start that release, or a backup"),
    (r"database files are incompatible with server", "its folder was made by another PostgreSQL: start that release"),
    (
        (
            r"Bad file format reading the append only file|Unexpected end of file reading the append only file"
            r"|AOF MANIFEST FILE ERROR|truncated file is not the last|could not locate a valid checkpoint record"
        ),
        _DAMAGED,
    ),
    (r"Address already in use", "its address is in use by another program: end that one, or set PORT"),
    (r"Permission denied|Operation not permitted", "it may not read or write one of its files: see whose they are"),
    (r"Read-only file system", "the disk can only be read: look at the machine's own log (dmesg)"),
    (r"Input/output error", "the disk does not read or write: look at the machine's own log (dmesg), keep the disk"),
)
_CAUSES = tuple((re.compile(pattern.encode()), sentence) for pattern, sentence in _SENTENCES)


def size_of(log: Path) -> int:
    """Where the next process's words begin in a log."""
    with suppress(OSError):
        return log.stat().st_size
    return 0


def cause(log: Path, since: int, status: int, ended_for_memory: bool = False) -> str | None:
    """Why the process that wrote to `log` from the byte `since` on ended with the return code `status`; None if nothing
    is known. `ended_for_memory`: whether the kernel ended some process for that meanwhile.
    """
    if status == -signal.SIGKILL:
        return _MEMORY if ended_for_memory else None
    if status == -signal.SIGXFSZ:
        return _FILE_SIZE
    words = _tail(log, since)
    found = [(match.start(), sentence) for known, sentence in _CAUSES for match in known.finditer(words)]
    return max(found)[1] if found else None


def ended_by_kernel() -> int:
    """Processes that the kernel has ended since it started because memory ran out."""
    with suppress(OSError, ValueError):
        for line in _VMSTAT.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _tail(log: Path, since: int) -> bytes:
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(min(since, size), size - TAIL_BYTES))
        return file.read(TAIL_BYTES)
    return b""

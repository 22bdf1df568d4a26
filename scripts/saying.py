"""What the supervisor says to people: on the terminal and in logs/supervisor.log."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

FULL_BYTES = 16 * 1024**2
"""Room on the data folder's disk below which servers that end have probably ended for that; PostgreSQL takes a new file
of this size into use at a time."""
REMIND_S = 60.0


def sayer(data_dir: Path) -> Callable[[str], None]:
    """A function that says one sentence, and that the disk is full: then no log can tell why a server ends."""
    log = data_dir / "logs" / "supervisor.log"
    told_at = float("-inf")

    def say(sentence: str) -> None:
        nonlocal told_at
        _write(log, sentence)
        if time.monotonic() - told_at > REMIND_S and (free := _free(data_dir)) < FULL_BYTES:
            told_at = time.monotonic()
            _write(
                log,
                f"The disk of {data_dir} is full ({free // 1024**2} MB free). No vote is lost, but none is taken"
                " without room: make some, and everything goes on by itself.",
            )

    return say


def _write(log: Path, sentence: str) -> None:
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sentence}\n")
    with contextlib.suppress(OSError):  # the terminal may be gone; the stack is not
        print(sentence, flush=True, file=sys.stdout)


def _free(folder: Path) -> int:
    """Bytes that are left on the folder's disk; where they cannot be told, as many as one may wish for."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return sys.maxsize

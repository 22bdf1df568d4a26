"""A board of numbers that the processes of a rehearsal share: who comes next, who is there, who has gone.

One file of 64-bit numbers, mapped into every process; its lock makes each change one step. So it does not matter which
process has a free place for the next voter.
"""

import fcntl
import mmap
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from loadtests.rehearsal.turnout import KINDS

NAMES = ("starts_at_ms", "stop", "here", *(f"{what}.{kind}" for what in ("taken", "finished") for kind in KINDS))
"""`starts_at_ms`: since 1970, 0 until all are there; `stop`: nobody else comes; `here`: places that are ready."""
_NUMBER = struct.Struct("=q")


class Board:
    """Numbers by name. All calls are short and never wait for the network."""

    def __init__(self, path: Path) -> None:
        """Errors: OSError where `shared_board` has not made it."""
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), _NUMBER.size * len(NAMES))

    def get(self, name: str) -> int:
        value: int = _NUMBER.unpack_from(self._map, NAMES.index(name) * _NUMBER.size)[0]
        return value

    def set(self, name: str, value: int) -> None:
        _NUMBER.pack_into(self._map, NAMES.index(name) * _NUMBER.size, value)

    def take(self, name: str) -> int:
        """The number, which is one more afterwards."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            value = self.get(name)
            self.set(name, value + 1)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return value

    def close(self) -> None:
        self._map.close()
        self._file.close()


@contextmanager
def shared_board(path: Path) -> Iterator[Board]:
    """A board of zeros; its file goes with it."""
    path.write_bytes(bytes(_NUMBER.size * len(NAMES)))
    try:
        with closing(Board(path)) as board:
            yield board
    finally:
        path.unlink()

"""A running stack as others see it: its lock and its files in DATA_DIR.

supervisor.lock   held while `binhchon up` runs; its text is the supervisor's process id
roles.lock        held by every process of our own, so that what outlives a killed supervisor is found
stack.env         addresses of the embedded servers, with passwords (0600), and HOST and PORT of the pages
stack.json        roles and process ids
"""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import TypedDict

from models.settings import EMBEDDED_ENV
from scripts.embedded import lock
from scripts.embedded.process import EmbeddedError
from scripts.private_file import write_private

_RETRY_S = 0.5
"""`ps` holds the supervisor's lock for a moment when it looks whether somebody does."""


class Process(TypedDict):
    role: str
    pid: int


def open_data_dir(data_dir: Path) -> None:
    """Make DATA_DIR (0700) and see that it can be written to. Errors: EmbeddedError, one line."""
    probe = data_dir / f".probe.{os.getpid()}"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise EmbeddedError(f"cannot write to the data folder {data_dir}: {error.strerror}") from None


def take_supervisor_lock(data_dir: Path) -> int:
    """The descriptor that makes this process the owner of DATA_DIR. Errors: EmbeddedError when another one is."""
    path = supervisor_lock(data_dir)
    deadline = time.monotonic() + _RETRY_S
    while True:
        try:
            descriptor = lock.take(path)
            break
        except lock.LockTakenError:
            if time.monotonic() > deadline:
                raise EmbeddedError(f"already running (pid {_text(path)}) with the data in {data_dir}") from None
            time.sleep(0.05)
        except OSError as error:
            raise EmbeddedError(f"cannot open {path}: {error.strerror}") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def supervisor_lock(data_dir: Path) -> Path:
    return data_dir / "supervisor.lock"


def roles_lock(data_dir: Path) -> Path:
    return data_dir / "roles.lock"


def write_addresses(data_dir: Path, addresses: dict[str, str]) -> None:
    """Write stack.env, where `Settings.require_stack` finds what is not in the environment."""
    write_private(data_dir / EMBEDDED_ENV, "".join(f"{name}={value}\n" for name, value in addresses.items()))


def write_processes(data_dir: Path, processes: list[tuple[str, int]]) -> None:
    write_private(data_dir / "stack.json", json.dumps([{"role": role, "pid": pid} for role, pid in processes]) + "\n")


def forget(data_dir: Path) -> None:
    """Remove the files of a stack that has stopped."""
    for name in (EMBEDDED_ENV, "stack.json"):
        (data_dir / name).unlink(missing_ok=True)


def processes(data_dir: Path) -> list[Process]:
    """The processes of the stack that runs on DATA_DIR; none when no supervisor holds its lock."""
    if not _is_held(supervisor_lock(data_dir)):
        return []
    with contextlib.suppress(FileNotFoundError):
        found: list[Process] = json.loads((data_dir / "stack.json").read_text(encoding="utf-8"))
        return found
    return []


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise EmbeddedError(f"cannot read {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii").strip() or "?"
    return "?"

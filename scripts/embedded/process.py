"""Starting a process that dies with its parent."""

import ctypes
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork: a child may not load anything
LOG_SIZE = 8 * 1024**2
"""Bytes; a log that is larger when a server or the stack starts makes way for a new one (one old one is kept)."""


class EmbeddedError(Exception):
    """An embedded server cannot run; the text is one line for people."""


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    log: Path,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session, with `log` as its output and nothing as its input.

    It gets `death_signal` when the thread that calls this ends, so call it from the main thread. `environment` unset:
    this process's. Errors: EmbeddedError when the program or the log cannot be opened.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    try:
        with log.open("ab") as output, warnings.catch_warnings():
            # Python 3.12 and newer warn of any fork beside threads; the two calls above take no lock.
            warnings.filterwarnings("ignore", message=".*multi-threaded.*", category=DeprecationWarning)
            return subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=pass_fds,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - see above
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot start {command[0]}: {error}") from None


def rotate(log: Path) -> None:
    """Make way for a new log where the old one has grown over LOG_SIZE."""
    if log.exists() and log.stat().st_size > LOG_SIZE:
        log.replace(log.with_name(log.name + ".1"))


def exit_text(status: int) -> str:
    """What a return code says to people: `exit status 3`, `killed by SIGKILL`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float, log: Path) -> None:
    """Wait until `ready()`. Errors: EmbeddedError when the process ends first or `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not ready():
        status = process.poll()
        if status is not None:
            raise EmbeddedError(f"{Path(str(process.args[0])).name}: {exit_text(status)}, see {log}")  # type: ignore[index]
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{log.stem} did not become ready within {seconds:.0f} s, see {log}")
        time.sleep(0.005)


def end(process: subprocess.Popen[bytes], how: signal.Signals, seconds: float) -> int:
    """Signal a process, wait `seconds` for its end, then kill it. Returns its return code."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()

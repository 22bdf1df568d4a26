"""Processes that a rehearsal starts: each gets a signal when the rehearsal dies, whatever kills it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class RehearsalError(Exception):
    """The rehearsal cannot be held; the text is for people."""


def environment(**more: str) -> dict[str, str]:
    """Nothing of the caller's installation but what every program needs, and `more`."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"PYTHONPATH": str(ROOT)} | more


def start(command: Sequence[str], variables: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a process of its own group (Ctrl-C is for the rehearsal, which ends it in order), output into `log`."""

    def die_with_us() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            list(command),
            env=dict(variables),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_us,  # noqa: PLW1509 - one call into the C library, before any thread is started
        )


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Asks it to stop; kills it after `seconds`."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.1) -> None:
    """Waits until `condition()`. Errors: RehearsalError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RehearsalError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)

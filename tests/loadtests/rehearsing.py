"""The rehearsal as a process."""

import os
import subprocess
import sys

from models.settings import ROOT


def start(folder, *words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "loadtests.rehearsal", "--folder", str(folder), *words],
        cwd=ROOT,
        # Settings of an installation are not the rehearsal's: with this address its stack would not come up.
        env={"PATH": os.environ["PATH"], "TMPDIR": "/tmp", "BALLOT_BOX_URL": "unix:///nowhere"} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process, seconds=150):
    try:
        said, _ = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return said

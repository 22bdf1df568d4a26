"""`make chaos`: every fault once, or with SOAK again and again with new seeds until the time is over.

    python -m tests.chaos [--seed 7] [--fault NAME] [--soak 30m]

Exit code 0 when every fault that could run kept every promise.
"""

import argparse
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.report import PAGE, RESULTS, load, page

HERE = Path(__file__).parent
_UNITS = {"": 60, "s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """`30m`, `45s`, `2h`, `30` (minutes)."""
    found = re.fullmatch(r"(\d+)([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"no duration: {text} (30m, 45s, 2h)")
    return int(found[1]) * float(_UNITS[found[2]])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="faults under load, each checked")
    parser.add_argument("--seed", default=str(secrets.randbelow(10**9)), help="decides whatever chance decides")
    parser.add_argument("--fault", default="", help="only tests whose name contains this")
    parser.add_argument("--soak", type=seconds, default=0.0, help="go on with new seeds for so long")
    given = parser.parse_args()
    began, seed, status = time.monotonic(), given.seed, 0
    while True:
        print(f"chaos seed {seed}", flush=True)  # noqa: T201 - a command
        status = _round(seed, given.fault, soak=bool(given.soak)) or status
        if time.monotonic() - began >= given.soak:
            return status
        seed = str(secrets.randbelow(10**9))


def _round(seed: str, fault: str, *, soak: bool) -> int:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "python_files=fault_*.py",
        "-o",
        "timeout=900",
        "-rs",
        "-v",
        str(HERE),
    ]
    # A name as pytest prints it, with its brackets, is taken as it is: `-k` would read them as an expression.
    words += ["-k", re.split(r"\W", fault)[0]] if fault else []
    environment = (
        os.environ | {"CHAOS_SEED": seed, "CHAOS_RESULTS": str(RESULTS)} | ({"CHAOS_SOAK": "1"} if soak else {})
    )
    status = subprocess.run(words, env=environment, cwd=HERE.parents[1], check=False).returncode
    PAGE.write_text(page(load()), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())

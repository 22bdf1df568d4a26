"""`make chaos`: each file `fault_*.py` is one fault, each test an arena of its own.

SEED (environment: CHAOS_SEED) decides whatever chance decides, and is printed for each run; CHAOS_SOAK makes faults
last longer; CHAOS_RESULTS names the JSON file that the results are written to.
"""

import os
import re
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.arena import Arena, Template
from tests.chaos.report import keep

_SEED = os.environ.get("CHAOS_SEED") or str(secrets.randbelow(10**9))
_ARENA = pytest.StashKey[Arena]()


def pytest_report_header() -> str:
    return f"chaos seed: {_SEED}"


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else a run that is ended leaves its stack behind
    made = Template()
    yield made
    made.close()


@pytest.fixture
def arena(template: Template, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Not started yet: `arena.start()`."""
    made = Arena(template, f"{_SEED}:{request.node.name}", soak=bool(os.environ.get("CHAOS_SOAK")))
    request.node.stash[_ARENA] = made
    print(f"seed {_SEED}: make chaos SEED={_SEED} FAULT={request.node.name}")  # noqa: T201 - for who repeats it
    yield made
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report, path = outcome.get_result(), os.environ.get("CHAOS_RESULTS")
    if not path or not item.path.name.startswith("fault_") or (report.when != "call" and report.passed):
        return
    arena = item.stash.get(_ARENA, None)
    why = "" if report.passed else report.longrepr[2] if report.skipped else str(call.excinfo.value).split("\n", 1)[0]
    keep(
        Path(path),
        f"{item.path.name}::{item.name}",
        {
            "fault": (getattr(item.obj, "__doc__", "") or item.name).strip(),  # type: ignore[attr-defined]
            "outcome": report.outcome,
            "why": re.sub(r"\w+:[^@\s]+@", "", why),  # addresses carry passwords
            "seed": _SEED,
            "seconds": round(call.duration, 1),
            **(arena.result if arena else {}),
        },
    )

"""What every process of a rehearsal is told: one JSON file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtests.rehearsal.shapes import Shape

PLAN, BOARD, TOKENS = "plan.json", "board", "tokens"
WORKER_ENV, PLAN_ENV = "REHEARSAL_WORKER", "REHEARSAL_PLAN"


@dataclass(frozen=True)
class Entry:
    """What voters choose between."""

    id: int
    slug: str


@dataclass(frozen=True)
class Plan:
    """`assets`: what a browser loads with its first page; `first_token`: kind → the line of `tokens` that its first one
    has; `logins`: how many voters log in for real; `outbox`: where their codes stand.
    """

    address: str
    folder: str
    tokens: str
    entries: list[Entry]
    assets: list[str]
    shape: Shape
    people: dict[str, int]
    slots: dict[str, int]
    first_token: dict[str, int]
    votes_each: float
    logins: int
    outbox: str


def write(plan: Plan, path: Path) -> None:
    path.write_text(json.dumps(asdict(plan)), encoding="utf-8")


def read(path: Path) -> Plan:
    """Errors: OSError, ValueError."""
    values = json.loads(path.read_text(encoding="utf-8"))
    values["entries"] = [Entry(**entry) for entry in values["entries"]]
    values["shape"] = Shape(tuple((at, rate) for at, rate in values["shape"]["points"]))
    return Plan(**values)

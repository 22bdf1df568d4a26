"""The limits of the signals, which operators change while voting runs: one row for each that differs from what the
system came with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Float, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.database import metadata

limits = Table(
    "limits",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Float, nullable=False),
)


@dataclass(frozen=True)
class Limits:
    """What the signals go by. The defaults are those that the ground truth (`tests/workers/test_signals_truth.py`) was
    measured with.
    """

    accounts: int = 20
    """Fewer accounts than this are no group: a family, a few colleagues."""
    times: float = 4.0
    """How many times more votes than expected a device, a network or a burst must have."""
    certainty: float = 30.0
    """G of the likelihood ratio test that the difference is no chance; 30 is once in 20 million groups."""
    likeness: float = 0.5
    """Jaccard: share of its grams that a name must have in common with those of its group."""
    evenness: float = 0.35
    """Middle half of the gaps between votes, in parts of the median gap: hands are near 1.6, a machine near 0."""
    haste_s: float = 1.0
    """Seconds between login and vote that are too few for hands."""
    burst_minutes: float = 10.0
    """Accounts opened within this time of each other make a burst."""
    sureness: float = 0.9
    """How sure the signals of an account must be together, 0 to 1."""
    window_days: float = 7.0
    """Regular runs look at the votes of so many days; a run over all can be asked for."""


class Bounds(NamedTuple):
    least: float
    most: float
    whole: bool = False


BOUNDS: dict[str, Bounds] = {
    "accounts": Bounds(5, 10_000, whole=True),
    "times": Bounds(1.5, 100),
    "certainty": Bounds(5, 1000),
    "likeness": Bounds(0.2, 1),
    "evenness": Bounds(0.01, 1),
    "haste_s": Bounds(0, 30),
    "burst_minutes": Bounds(1, 120, whole=True),
    "sureness": Bounds(0.5, 1),
    "window_days": Bounds(1, 90, whole=True),
}
NAMES = tuple(field.name for field in fields(Limits))
DEFAULTS = Limits()


def read_limits(connection: Connection) -> Limits:
    rows = connection.execute(select(limits.c.name, limits.c.value)).all()
    return _limits({name: value for name, value in rows if name in BOUNDS})


def _limits(values: Mapping[str, float]) -> Limits:
    known: dict[str, Any] = dict(values)
    return Limits(**known | ({"accounts": int(known["accounts"])} if "accounts" in known else {}))


def fits(name: str, value: float) -> bool:
    """Whether a limit may have this value; no NaN does."""
    least, most, whole = BOUNDS[name]
    return least <= value <= most and not (whole and value != int(value))


def write_limits(connection: Connection, wanted: Limits) -> None:
    """Keeps what differs from the defaults and forgets the rest. The audit log is the caller's."""
    differing = {name: getattr(wanted, name) for name in NAMES if getattr(wanted, name) != getattr(DEFAULTS, name)}
    connection.execute(delete(limits).where(limits.c.name.not_in(differing)))
    for name, value in differing.items():
        query = insert(limits).values(name=name, value=value)
        connection.execute(query.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

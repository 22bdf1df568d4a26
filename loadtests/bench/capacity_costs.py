"""What a vote, a page and a login cost and weigh, as `bench.json` has it: the measured half of the capacity model."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

LEAST, MOST = 1e-6, 1e12
"""Between these lies every number that a bench can have measured."""


class CapacityError(Exception):
    """Numbers that the model cannot reckon with; the text is for people."""


@dataclass(frozen=True)
class Costs:
    """µs of processor time and bytes, each of one vote (`…_login`: of one login's opening or code). `page_us` and
    `login_us` are at most: one API process answered as many as it could with all of its core, and they are a second
    divided by them. `flush_per_s`: rows that one flush worker brings into the ledger, by the clock. `fresh_us_login`:
    of PostgreSQL, until it has analysed the table of the openings for the first time.
    """

    api_us: float
    box_us: float
    flush_us: float
    postgres_us: float
    page_us: float
    login_us: float
    box_us_login: float
    flush_us_login: float
    postgres_us_login: float
    fresh_us_login: float
    scratch_us_login: float
    flush_per_s: float
    account_bytes: float
    log_bytes: float
    log_bytes_login: float
    aof_bytes: float
    aof_bytes_login: float
    ledger_bytes: float
    ledger_bytes_login: float
    wal_bytes: float
    wal_bytes_login: float
    scratch_bytes_login: float

    @property
    def vote_us(self) -> float:
        """Of all roles together."""
        return self.api_us + self.box_us + self.flush_us + self.postgres_us

    def flush_share(self, votes_per_s: float, logins_per_s: float) -> float:
        """Which share of its time one flush worker needs: it waits while PostgreSQL works."""
        return votes_per_s / self.flush_per_s + logins_per_s * (self.flush_us_login + self.postgres_us_login) / 1e6


@dataclass(frozen=True)
class Level:
    """Votes beside so many that were stored: µs of all roles and the generator, and votes each second."""

    stored: int
    us: float
    votes_per_s: float


@dataclass(frozen=True)
class Seen:
    """What the same bench measured of the whole, for the model to be compared with. `generator_us`: of its own, for
    each vote; `others`, `others_all_cores`: share of the machine that went to other work meanwhile.
    """

    at: str
    plan: str
    processor: str
    cores: int
    votes_per_s: float
    votes_per_s_all_cores: float
    generator_us: float
    others: float
    others_all_cores: float
    levels: tuple[Level, ...]


def read_bench(path: Path) -> tuple[Costs, Seen]:
    """Errors: CapacityError for a file that is not there, is no JSON, or lacks a number of today's bench."""
    try:
        bench = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CapacityError(f"{path}: {error.strerror}; `make bench` writes it") from None
    except ValueError:
        raise CapacityError(f"{path} is no JSON") from None
    return costs_of(bench), seen_of(bench)


def costs_of(bench: Any) -> Costs:
    """Votes beside the most stored ones: there they are dearest. Errors: CapacityError."""
    beside = _several(bench, "cost_by_stored_votes")[-1]
    return Costs(
        api_us=_number(beside, "cpu_us_per_vote", "api"),
        box_us=_number(beside, "cpu_us_per_vote", "box"),
        flush_us=_number(beside, "cpu_us_per_vote", "flush"),
        postgres_us=_number(beside, "cpu_us_per_vote", "postgres"),
        page_us=1e6 / _number(bench, "page_per_s"),
        login_us=1e6 / _number(bench, "logins_per_s"),
        box_us_login=_number(bench, "cpu_us_per_login", "box"),
        flush_us_login=_number(bench, "cpu_us_per_login", "flush"),
        postgres_us_login=_number(bench, "cpu_us_per_login", "postgres"),
        fresh_us_login=_number(bench, "postgres_us_per_login_fresh"),
        scratch_us_login=_number(bench, "cpu_us_per_login", "scratch"),
        flush_per_s=_number(bench, "flush_rows_per_s"),
        account_bytes=_number(bench, "box_bytes_per_account"),
        log_bytes=_number(bench, "log_bytes_per_vote"),
        log_bytes_login=_number(bench, "log_bytes_per_login"),
        aof_bytes=_number(bench, "aof_bytes_per_vote"),
        aof_bytes_login=_number(bench, "aof_bytes_per_login"),
        ledger_bytes=_number(bench, "ledger_bytes_per_vote"),
        ledger_bytes_login=_number(bench, "ledger_bytes_per_login"),
        wal_bytes=_number(bench, "wal_bytes_per_vote"),
        wal_bytes_login=_number(bench, "wal_bytes_per_login"),
        scratch_bytes_login=_number(bench, "scratch_bytes_per_login"),
    )


def seen_of(bench: Any) -> Seen:
    """Errors: CapacityError."""
    return Seen(
        at=str(_found(bench, "machine", "at")),
        plan=f"{_number(bench, 'plan', 'rounds'):g} rounds of {_number(bench, 'plan', 'seconds'):g} s",
        processor=str(_found(bench, "machine", "processor")),
        cores=int(_number(bench, "machine", "cores")),
        votes_per_s=_number(bench, "durable_votes_per_s"),
        votes_per_s_all_cores=_number(bench, "durable_votes_per_s_all_cores"),
        generator_us=_number(bench, "cpu_us_per_vote", "generator"),
        others=median(_several(bench, "others_share", "durable_votes")),
        others_all_cores=median(_several(bench, "others_share", "durable_votes_all_cores")),
        levels=tuple(
            Level(
                int(_found(level, "stored")),
                _number(level, "cpu_us") + _number(level, "cpu_us_per_vote", "generator"),
                _number(level, "votes_per_s"),
            )
            for level in _several(bench, "cost_by_stored_votes")
        ),
    )


def _found(bench: Any, *names: str) -> Any:
    """Errors: CapacityError for a name that is missing."""
    value = bench
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise CapacityError(f"the bench has no {'.'.join(names)}: measure again (`make bench`)")
        value = value[name]
    return value


def _several(bench: Any, *names: str) -> list[Any]:
    """Errors: CapacityError for no list, or an empty one."""
    value = _found(bench, *names)
    if not isinstance(value, list) or not value:
        raise CapacityError(f"{'.'.join(names)} is {value!r}: no list of what a bench measures")
    return value


def _number(bench: Any, *names: str) -> float:
    """Errors: CapacityError for one that is missing or cannot be: 0 is a part that was not measured."""
    value = _found(bench, *names)
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
        raise CapacityError(f"{'.'.join(names)} is {value!r}: no number that a bench measures")
    return float(value)

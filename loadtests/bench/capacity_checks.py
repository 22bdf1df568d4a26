"""The model beside what was measured: what one machine should do by its costs, and what it did."""

from dataclasses import dataclass

from loadtests.bench.capacity_costs import Costs, Level, Seen
from models.event import DEVICE_BYTES, HEAD, Proof, pack_cast, pack_evidence


@dataclass(frozen=True)
class Check:
    """One number: what it is, where the prediction comes from, both values and the unit."""

    what: str
    source: str
    predicted: float
    measured: float
    unit: str

    @property
    def error(self) -> float:
        """By how much the prediction is too high, as a share of what was measured."""
        return self.predicted / self.measured - 1


def checks(costs: Costs, seen: Seen) -> list[Check]:
    """All of them."""
    empty, most = seen.levels[0], seen.levels[-1]
    used = f"costs beside {most.stored:,} stored votes, which all tables have"
    return [
        Check(
            "votes, one API process",
            used,
            min(1e6 / costs.api_us, machine_votes_per_s(costs.vote_us + seen.generator_us, seen.cores, seen.others)),
            seen.votes_per_s,
            "/s",
        ),
        Check(
            "votes, one API process",
            "costs beside none",
            machine_votes_per_s(empty.us, seen.cores, seen.others),
            seen.votes_per_s,
            "/s",
        ),
        Check(
            "votes, an API process for each core",
            used,
            machine_votes_per_s(costs.vote_us + seen.generator_us, seen.cores, seen.others_all_cores),
            seen.votes_per_s_all_cores,
            "/s",
        ),
        *(_beside(level, seen.cores) for level in seen.levels[1:]),
        Check(
            "rows, one flush worker",
            "worker and PostgreSQL in turn, nothing waited for",
            1e6 / (costs.flush_us + costs.postgres_us),
            costs.flush_per_s,
            "/s",
        ),
        Check("a vote in the box's file", "its commands, counted out", aof_bytes(), costs.aof_bytes, "bytes"),
    ]


def _beside(level: Level, cores: int) -> Check:
    return Check(
        f"votes beside {level.stored:,} stored",
        "costs of the same runs",
        machine_votes_per_s(level.us, cores),
        level.votes_per_s,
        "/s",
    )


def machine_votes_per_s(us: float, cores: int, others: float = 0.0) -> float:
    """Votes that a machine takes when every core is busy and each vote costs so many µs, the generator's included where
    it runs there. `others`: the share of the machine that goes to other work.
    """
    return cores * (1 - others) * 1e6 / us


def aof_bytes() -> int:
    """Of one vote among many of a call: SADD into the ballot and XADD into the log, as RESP. Accounts have 19 digits,
    contest and entries one; ids of the log have 13 digits, a dash and three.
    """
    event = HEAD.size + len(pack_cast(1, 1, 1, Proof.EMAIL, pack_evidence("127.0.0.1", bytes(DEVICE_BYTES))))
    return _resp(4, 32, 1) + _resp(4, 9, 17, 1, event)


def _resp(*lengths: int) -> int:
    """Bytes of a command whose words have these lengths."""
    return 3 + len(str(len(lengths))) + sum(length + len(str(length)) + 5 for length in lengths)

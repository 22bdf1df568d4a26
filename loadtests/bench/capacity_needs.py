"""What a campaign needs: the modelled half. From who comes and what each costs to cores, memory, disk and network.

Two questions, kept apart: the busiest minutes decide how many cores, the whole time of voting how much memory and disk.
Rates and shapes are the rehearsal's (`loadtests/rehearsal/turnout.py`), and so is what a voter asks for.
"""

import math
from dataclasses import dataclass

from loadtests.bench.capacity_costs import CapacityError, Costs
from loadtests.rehearsal.advice import SPARE
from loadtests.rehearsal.turnout import DOUBLE, SHARED, SHARED_VOTES, Profile, Turnout, profile
from models.ballot_box.drain import KEEP_EVENTS, KEEP_MS, TRIM_STEP
from models.proof_of_work import step_of
from models.settings import Settings

# Measured by other commands, which docs/capacity.md names.
FIRST_VIEW_REQUESTS, FIRST_VIEW_BYTES = 9, 28_914
"""Of `/` by a browser that has nothing of the site yet."""
SHARED_BYTES = 23_000
"""Of a first view: style sheet, scripts, fonts, which later pages do not load again."""
PAGE_BYTES = FIRST_VIEW_BYTES - SHARED_BYTES
ENTRY_BYTES = 43_954 - SHARED_BYTES
"""The page of the entry with the most pictures."""
LOGIN_PAGE_BYTES = 47_437 - SHARED_BYTES
PROOF_ITERATION_US = 0.22
"""One iteration of PBKDF2, of which a verification of the proof of work has one derivation."""

# Assumed.
ANSWER_BYTES = 1_000
"""An answer to a vote or a step of a login, with its header fields and what TLS adds."""
ASKING_SHARE = 1.0
"""What asking for a code takes of the API, the proof of work aside, as a share of what entering it takes."""
DAYS = 16
LONE_CALL_BYTES = 100
"""What a vote that is alone in its call adds to the box's file: MULTI, HINCRBY, EXEC."""
DISK_TIMES = 3
"""The box's file: after a rewrite as large as what is in the box, twice that before the next, the new one beside it."""
LEAST_AOF = 256 * 1024**2
"""Bytes from which on it is rewritten (`deploy/valkey/box.conf`)."""


@dataclass(frozen=True)
class Campaign:
    """`turnout`: the busiest minutes; `voting`: share of the inhabitants who vote in all the days together."""

    name: str
    turnout: Turnout
    voting: float

    def __post_init__(self) -> None:
        if not self.turnout.reached <= self.voting <= 1:
            raise CapacityError("who comes within the busiest minutes is among those who vote: reached ≤ voting ≤ 1")


@dataclass(frozen=True)
class Peak:
    """The busiest second, each second. `presses`: votes with those of people who press twice."""

    votes: float
    presses: float
    pages: float
    logins: float
    bytes_out: float


@dataclass(frozen=True)
class Cores:
    """Cores that are busy in the busiest second, without room to spare. `logins`: those of `api` that logins take."""

    api: float
    logins: float
    box: float
    flush: float
    postgres: float
    scratch: float

    @property
    def all(self) -> float:
        return self.api + self.box + self.flush + self.postgres + self.scratch


@dataclass(frozen=True)
class Log:
    """The log in the busiest minutes: the most events that it holds, the most of them that wait for the ledger, and how
    long the last of these waits, in seconds.
    """

    events: float
    pending: float
    wait_s: float


@dataclass(frozen=True)
class Needs:
    """Bytes where nothing else is said. `box`: its data when all have voted, with the log of the busiest minutes;
    `log`: with one flush worker, of whose time `worker_share` is needed; `…_written`: in all the days.
    """

    campaign: Campaign
    peak: Peak
    cores: Cores
    api_processes: int
    box_shards: int
    flush_workers: int
    log: Log
    accounts: float
    votes: float
    ballots: float
    box: float
    scratch: float
    worker_share: float
    aof_written: float
    aof_disk: float
    aof_per_s: float
    ledger: float
    wal_written: float
    wal_per_s: float

    @property
    def cores_with_spare(self) -> float:
        return self.cores.all / SPARE

    @property
    def votes_per_s_mean(self) -> float:
        """Over all the days."""
        return self.votes / (DAYS * 86_400)


def needs(campaign: Campaign, costs: Costs) -> Needs:
    """What `campaign` needs on machines on which all costs what `costs` say."""
    turnout = campaign.turnout
    load = profile(turnout, first_view=FIRST_VIEW_REQUESTS, logins=False)
    peak = peak_of(load, turnout.votes_each)
    cores = cores_of(peak, costs)
    accounts = turnout.inhabitants * campaign.voting
    votes = accounts * turnout.votes_each
    ballots = accounts * costs.account_bytes
    worker_share = costs.flush_share(peak.votes, peak.logins)
    log = log_of(load, peak, (peak.votes + peak.logins) / worker_share)
    event = (peak.votes * costs.log_bytes + peak.logins * costs.log_bytes_login) / (peak.votes + peak.logins)
    box = ballots + log.events * event
    return Needs(
        campaign=campaign,
        peak=peak,
        cores=cores,
        api_processes=parts(cores.api),
        box_shards=parts(cores.box),
        flush_workers=parts(worker_share),
        log=log,
        accounts=accounts,
        votes=votes,
        ballots=ballots,
        box=box,
        scratch=logins_of(load) * costs.scratch_bytes_login,
        worker_share=worker_share,
        aof_written=votes * (costs.aof_bytes + LONE_CALL_BYTES) + accounts * costs.aof_bytes_login,
        aof_disk=max(LEAST_AOF, DISK_TIMES * box),
        aof_per_s=peak.votes * costs.aof_bytes + peak.logins * costs.aof_bytes_login,
        ledger=votes * costs.ledger_bytes + accounts * costs.ledger_bytes_login,
        wal_written=votes * costs.wal_bytes + accounts * costs.wal_bytes_login,
        wal_per_s=peak.votes * costs.wal_bytes + peak.logins * costs.wal_bytes_login,
    )


def parts(load: float) -> int:
    """Over how many a load must be spread so that none is asked for more than SPARE of what it can do."""
    return max(1, math.ceil(load / SPARE))


def logins_of(load: Profile) -> float:
    """Everybody who votes logs in: all have come for the first time."""
    return load.voters + load.people[SHARED] * SHARED_VOTES


def peak_of(load: Profile, votes_each: float) -> Peak:
    """The busiest second of a turnout."""
    at_once = load.shape.peak()
    twice = at_once * load.people[DOUBLE] * votes_each
    logins = at_once * logins_of(load)
    # Each login opens a page more than the rehearsal's voters, whose tokens were made beforehand.
    pages = load.peak_requests_per_s - load.peak_votes_per_s - twice + logins
    first_views = load.peak_arrivals_per_s * FIRST_VIEW_BYTES
    later_views = at_once * load.voters * (2 * PAGE_BYTES + votes_each * ENTRY_BYTES) + logins * LOGIN_PAGE_BYTES
    answers = (load.peak_votes_per_s + twice + 3 * logins) * ANSWER_BYTES
    return Peak(
        load.peak_votes_per_s, load.peak_votes_per_s + twice, pages, logins, first_views + later_views + answers
    )


def cores_of(peak: Peak, costs: Costs) -> Cores:
    """Who is busy in the busiest second."""
    proof_us = proof_iterations(peak.logins) * PROOF_ITERATION_US
    logins = peak.logins * (costs.login_us * (1 + ASKING_SHARE) + proof_us) / 1e6
    return Cores(
        api=(peak.presses * costs.api_us + peak.pages * costs.page_us) / 1e6 + logins,
        logins=logins,
        box=(peak.presses * costs.box_us + peak.logins * costs.box_us_login) / 1e6,
        flush=(peak.votes * costs.flush_us + peak.logins * costs.flush_us_login) / 1e6,
        postgres=(peak.votes * costs.postgres_us + peak.logins * costs.postgres_us_login) / 1e6,
        scratch=peak.logins * costs.scratch_us_login / 1e6,
    )


def proof_iterations(logins_per_s: float) -> int:
    """Of the derivation that the server verifies when so many ask for a code each second."""
    step = step_of(int(logins_per_s * 60))
    return max(1, int(Settings.model_fields["login_proof_cost"].default) // step.divisor)


def log_of(load: Profile, peak: Peak, flush_per_s: float) -> Log:
    """The log of one shard, second by second until all is in the ledger: what comes goes into it, the flush takes what
    it can, and what it has taken is cut off where it is older than 15 minutes or beyond a million events; of the latter
    so many a second as the flush's trim drops.
    """
    events = (peak.votes + peak.logins) / load.shape.peak()
    when = load.shape.rate
    tail_s = KEEP_MS // 1000
    came: list[float] = []
    length = pending = latest = 0.0
    most = Log(0, 0, 0)
    second = 0
    while second < load.shape.seconds or pending:
        came.append(events * when(second + 0.5))
        pending = max(0.0, pending + came[-1] - flush_per_s)
        length += came[-1]
        latest += came[-1] - (came[second - tail_s] if second >= tail_s else 0.0)
        length = max(pending, min(length, latest))
        most = Log(max(most.events, length), max(most.pending, pending), max(most.wait_s, pending / flush_per_s))
        length -= min(max(0.0, length - KEEP_EVENTS), TRIM_STEP)
        second += 1
    return most

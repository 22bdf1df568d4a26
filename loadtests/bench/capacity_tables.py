"""The tables of docs/capacity.md, in Markdown."""

from collections.abc import Callable, Iterator
from operator import itemgetter

from loadtests.bench.capacity_checks import checks, machine_votes_per_s
from loadtests.bench.capacity_costs import Costs, Seen
from loadtests.bench.capacity_needs import DAYS, PROOF_ITERATION_US, Campaign, Needs, needs, proof_iterations
from loadtests.rehearsal.advice import SPARE
from loadtests.rehearsal.shapes import SHAPES
from loadtests.rehearsal.turnout import Turnout
from models.ballot_box.intake import MAX_BATCH
from models.settings import Settings

CALLERS = 3  # calls under way of an API process: models/ballot_box/intake.py
MINUTES, VOTES_EACH = 10, 3
SHARES = {"good": (0.02, 0.2), "exceptional": (0.1, 0.5), "every adult": (0.72, 0.72)}
"""Name → share of the inhabitants in the busiest minutes, and in all the days."""
PLACES = {"A commune": 10_000, "A province": 1_800_000, "The country": 100_000_000}
REFERENCE = "A province", "exceptional"
BOX_BYTES, SCRATCH_BYTES = 2 * 1024**3, 512 * 1024**2
"""What the embedded servers may take unless they are told otherwise; scratch on a machine with 4 GiB or less."""
CONNECTIONS: int = Settings.model_fields["code_connections"].default
MAIL_US = 1_900.0
"""Processor time of a worker of the codes for one mail: tests/workers/measure_codes.py."""
_LEAST = 0.01
FSYNC_MS = (0.5, 2.0, 10.0)
MAIL_MS = (10, 100)

Row = tuple[str, Callable[[Needs], str]]


def tables(costs: Costs, seen: Seen) -> str:
    """All of them, each under its heading."""
    found = {place: [needs(one, costs) for one in campaigns(inhabitants)] for place, inhabitants in PLACES.items()}
    reference = found[REFERENCE[0]][list(SHARES).index(REFERENCE[1])]
    at = seen.at[:16].replace("T", " ")
    parts = [
        [f"Reckoned from the bench of {at} UTC, {seen.plan}: {seen.processor}, {seen.cores} cores."],
        ["### What one of each costs and weighs", "", *_costs(costs)],
        ["### Predicted and measured", "", *_checks(costs, seen), "", _judged(costs, seen)],
        ["### What one of each can do", "", *_limits(costs, seen)],
        *([f"### {place}: {PLACES[place]:,} inhabitants", "", *_place(columns)] for place, columns in found.items()),
        ["### From how many inhabitants on", "", *_thresholds(reference, seen)],
        ["### How much higher the busiest second is", "", *_shapes()],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def campaigns(inhabitants: int) -> list[Campaign]:
    """Each of SHARES for a place."""
    return [
        Campaign(name, Turnout(inhabitants, reached, MINUTES, VOTES_EACH, "push"), voting)
        for name, (reached, voting) in SHARES.items()
    ]


def _table(*rows: tuple[str, ...]) -> Iterator[str]:
    """Markdown, the first row as the head; numbers stand on the right."""
    head, *others = rows
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for row in others:
        yield f"| {' | '.join(row)} |"


def _costs(costs: Costs) -> Iterator[str]:
    login = 2 * costs.login_us + proof_iterations(0) * PROOF_ITERATION_US
    return _table(
        ("", "a vote", "a page or file", "a login"),
        ("processor time, µs: API", _few(costs.api_us), f"≤ {_few(costs.page_us)}", f"≤ {_few(login)}"),
        ("box", _few(costs.box_us), "—", _few(costs.box_us_login)),
        ("flush", _few(costs.flush_us), "—", _few(costs.flush_us_login)),
        ("PostgreSQL", _few(costs.postgres_us), "—", _few(costs.postgres_us_login)),
        ("PostgreSQL, before it has analysed its tables", "—", "—", _few(costs.fresh_us_login)),
        ("scratch", "—", "—", _few(costs.scratch_us_login)),
        ("bytes: log", _few(costs.log_bytes), "—", _few(costs.log_bytes_login)),
        ("the box's file (AOF)", _few(costs.aof_bytes), "—", _few(costs.aof_bytes_login)),
        ("ledger with indexes", _few(costs.ledger_bytes), "—", _few(costs.ledger_bytes_login)),
        ("PostgreSQL's log (WAL)", _few(costs.wal_bytes), "—", _few(costs.wal_bytes_login)),
        ("scratch", "—", "—", _few(costs.scratch_bytes_login)),
        ("ballot of an account with five votes", _few(costs.account_bytes), "—", "—"),
    )


def _checks(costs: Costs, seen: Seen) -> Iterator[str]:
    rows = [
        (
            one.what,
            one.source,
            f"{_few(one.predicted)} {one.unit}",
            f"{_few(one.measured)} {one.unit}",
            f"{one.error:+.0%}",
        )
        for one in checks(costs, seen)
    ]
    return _table(("", "predicted from", "predicted", "measured", "error"), *rows)


def _judged(costs: Costs, seen: Seen) -> str:
    """Whether what is left to spare makes good for the model's greatest error to the wrong side."""
    worst, room = max(one.error for one in checks(costs, seen)), 1 / SPARE - 1
    verdict = "covers" if worst <= room else "**does not cover**"
    return (
        f"The model promises up to {worst:.0%} more than was measured. What is left to spare everywhere below,"
        f" {1 - SPARE:.0%}, {verdict} it: it allows for {room:.0%}."
    )


def _limits(costs: Costs, seen: Seen) -> Iterator[str]:
    def spared(us: float) -> str:
        return f"{_few(SPARE * 1e6 / us)} /s"

    machine = SPARE * machine_votes_per_s(costs.vote_us, seen.cores)
    login = 2 * costs.login_us + proof_iterations(100_000) * PROOF_ITERATION_US
    codes = [
        (f"one worker of the codes, {ms} ms each mail: codes", f"{_few(SPARE * codes_per_s(ms))} /s") for ms in MAIL_MS
    ]
    fsyncs = [
        (f"the disk, one API process, {ms:g} ms each fsync: votes", f"{_few(fsync_votes_per_s(ms, costs.box_us))} /s")
        for ms in FSYNC_MS
    ]
    return _table(
        (f"with {1 - SPARE:.0%} to spare (the disk: at most)", ""),
        (f"a machine with {seen.cores} cores and no generator, votes alone", f"{_few(machine)} /s"),
        ("one API process: votes alone", spared(costs.api_us)),
        ("one API process: pages alone, at least", spared(costs.page_us)),
        ("one API process: logins alone, at least", spared(login)),
        ("the box's one core: votes", spared(costs.box_us)),
        ("one flush worker, by the clock: votes", f"{_few(SPARE * costs.flush_per_s)} /s"),
        ("the same: logins", spared(costs.flush_us_login + costs.postgres_us_login)),
        ("the same, before PostgreSQL has analysed its tables", spared(costs.flush_us_login + costs.fresh_us_login)),
        ("scratch's one core: logins", spared(costs.scratch_us_login)),
        *fsyncs,
        *codes,
    )


def fsync_votes_per_s(ms: float, box_us: float, processes: int = 1) -> float:
    """Votes that the box can have on disk where every call of every process is full and one fsync is for them all."""
    votes = CALLERS * MAX_BATCH * processes
    return votes / (ms / 1e3 + votes * box_us / 1e6)


def codes_per_s(ms: float) -> float:
    """Mails a second that one worker of the codes sends where each takes the mail server `ms`."""
    return min(CONNECTIONS * 1e3 / ms, 1e6 / MAIL_US)


def _place(columns: list[Needs]) -> Iterator[str]:
    head = ("", *(one.campaign.name for one in columns))
    return _table(head, *((words, *(value(one) for one in columns)) for words, value in _ROWS))


_ROWS: tuple[Row, ...] = (
    (
        f"voters in the busiest {MINUTES} minutes",
        lambda one: _few(one.campaign.turnout.inhabitants * one.campaign.turnout.reached),
    ),
    (f"voters in {DAYS} days", lambda one: _few(one.accounts)),
    (f"votes in {DAYS} days", lambda one: _few(one.votes)),
    ("votes each second, all days", lambda one: _few(one.votes_per_s_mean)),
    ("**votes each second, at the peak**", lambda one: f"**{_few(one.peak.votes)}**"),
    ("logins each second, at the peak", lambda one: _few(one.peak.logins)),
    ("codes to be sent each minute, at the peak", lambda one: _few(one.peak.logins * 60)),
    ("pages and files each second, at the peak", lambda one: _few(one.peak.pages)),
    ("network out, at the peak", lambda one: f"{_few(one.peak.bytes_out * 8 / 1e6)} Mbit/s"),
    ("busy cores: API", lambda one: _few(one.cores.api)),
    ("of these for logins", lambda one: _few(one.cores.logins)),
    ("box", lambda one: _few(one.cores.box)),
    ("flush", lambda one: _few(one.cores.flush)),
    ("PostgreSQL", lambda one: _few(one.cores.postgres)),
    ("scratch", lambda one: _few(one.cores.scratch)),
    (f"**cores, with {1 - SPARE:.0%} to spare**", lambda one: f"**{_few(one.cores_with_spare)}**"),
    ("API processes", lambda one: f"{one.api_processes:,}"),
    ("box cores (shards on servers of their own)", lambda one: f"{one.box_shards:,}"),
    ("flush workers that keep up with the peak", lambda one: f"{one.flush_workers:,}"),
    ("with one worker: a vote waits for the ledger at most", lambda one: f"{_few(one.log.wait_s)} s"),
    ("ballots in the box", lambda one: _size(one.ballots)),
    ("the box with its log, one flush worker", lambda one: _size(one.box)),
    ("memory of its machine, for the rewrite", lambda one: _size(2 * one.box)),
    ("scratch", lambda one: _size(one.scratch)),
    (f"the box's file: written in {DAYS} days", lambda one: _size(one.aof_written)),
    ("on disk at most", lambda one: _size(one.aof_disk)),
    ("at the peak", lambda one: f"{_size(one.aof_per_s)}/s"),
    ("ledger", lambda one: _size(one.ledger)),
    (f"PostgreSQL's log: written in {DAYS} days", lambda one: _size(one.wal_written)),
    ("at the peak", lambda one: f"{_size(one.wal_per_s)}/s"),
)


def _thresholds(one: Needs, seen: Seen) -> Iterator[str]:
    """All grows as the inhabitants do, or nearly so. Least first."""
    turnout, spare = one.campaign.turnout, f"less than {1 - SPARE:.0%} to spare"
    loads = {
        f"a machine with {seen.cores} cores has {spare}": one.cores_with_spare / seen.cores,
        f"the embedded scratch ({_size(SCRATCH_BYTES)}) is full: nobody can log in": one.scratch / SCRATCH_BYTES,
        f"codes are asked for faster than their worker sends them ({MAIL_MS[-1]} ms each mail)": (
            one.peak.logins / codes_per_s(MAIL_MS[-1])
        ),
        f"one API process has {spare}": one.cores.api / SPARE,
        "one flush worker falls behind for a moment: votes wait": one.worker_share,
        f"the embedded box ({_size(BOX_BYTES)}) is full: votes are refused": one.box / BOX_BYTES,
        f"scratch's core has {spare}": one.cores.scratch / SPARE,
        f"the box's core has {spare}: shards on several servers": one.cores.box / SPARE,
    }
    found = {words: float(f"{turnout.inhabitants / load:.2g}") for words, load in loads.items()}
    return _table(
        (f"{one.campaign.name} turnout: {turnout.reached:.0%} within {turnout.minutes:g} minutes", "inhabitants"),
        *((words, _few(number)) for words, number in sorted(found.items(), key=itemgetter(1))),
    )


def _shapes() -> Iterator[str]:
    seconds = MINUTES * 60.0
    rows = [(name, f"{make(seconds).peak() * seconds:.1f}") for name, make in SHAPES.items()]
    return _table((f"shape, over {MINUTES} minutes", "times the mean"), *rows)


def _few(value: float) -> str:
    """Three digits that say something, or all of a number that is whole by then."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    if value >= 10 or not value:
        return f"{value:.0f}"
    return f"{value:.2g}" if value >= _LEAST else f"< {_LEAST}"


def _size(number: float) -> str:
    """Bytes for people, in powers of 1,000."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000:
            return f"{_few(number)} {unit}"
        number /= 1000
    return f"{_few(number)} TB"

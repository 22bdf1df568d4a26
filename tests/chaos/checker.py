"""The checker: journal, box and ledger side by side. It has no code in common with the product.

The box is read with raw commands, the ledger with plain SQL, receipts by their documented spelling and over HTTP.
`check` takes values alone, so that its own tests can falsify each of them.
"""

import http.client
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
import redis

from tests.chaos.history import OK, History, Pair

_CROCKFORD = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_NAMED = 5
"""Votes that a finding names."""
LAG_S = 3.0
"""How long a vote may be in the box alone while the ledger is there, on a machine that is busy with other things."""
RECOVERY_S = 20.0


@dataclass(frozen=True)
class Row:
    """A vote in the ledger. `receipt`: the 60-bit number; `cast_at`: seconds since 1970, None for a recovered one."""

    account: int
    entry: int
    receipt: int
    cast_at: float | None = None
    recovered: bool = False

    @property
    def pair(self) -> Pair:
        return self.account, self.entry


@dataclass(frozen=True)
class Ledger:
    rows: list[Row]
    tallies: dict[int, int]
    taken: int
    """Events of the log that it has, `opened` included."""
    epoch: int
    parked: int = 0
    conflicts: int = 0


@dataclass(frozen=True)
class Box:
    ballots: list[Pair]
    tally: dict[int, int]
    state: str
    epoch: int
    added: int
    """Events that its log has ever taken."""


@dataclass(frozen=True)
class Finding:
    """What is wrong: `promise` is a word of a closed set (`PROMISES`)."""

    promise: str
    text: str


PROMISES = {
    "kept": "each acknowledged vote is in the ledger once",
    "once": "no account twice for an entry, in ledger, box or answers",
    "explained": "the ledger holds no vote that nobody cast, and none that was refused",
    "books": "rows = tallies = box, nothing pending, nothing parked, no conflict",
    "receipts": "each receipt is its vote's own, and is found in the ledger over HTTP",
    "told": "no answer outside the contract, none of 5xx without Retry-After",
    "left_alone": "no process ended that the fault did not end",
    "recovered": "votes are acknowledged again within seconds of the heal",
    "reported": "a loss is said aloud, as an alarm in the workers' logs",
    "in_time": "no vote outside the voting time",
}


@dataclass(frozen=True)
class Allowed:
    """What this fault may do. `lost_since`: it destroyed the box's own disk at that time (seconds since 1970), so
    votes acknowledged at most LAG_S before it, or while it lasted (`lost_until`), may be missing. `conflicts`: the log
    may hold votes that stand in the ledger already. `codes`: what refusals may say. `state`: of the box afterwards.
    """

    lost_since: float | None = None
    lost_until: float | None = None
    conflicts: bool = False
    state: str = "open"
    codes: frozenset[str] = frozenset({"busy", "not_ready", "not_confirmed"})
    recovery_s: float = RECOVERY_S


@dataclass
class Seen:
    """What was observed around the books: processes that ended by name, those that the fault ended, receipts over
    HTTP by status, lines with alarms, and the voting time (seconds since 1970).
    """

    ended: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    receipts: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    window: tuple[float, float] | None = None


def lost(history: History, ledger: Ledger) -> dict[Pair, float]:
    """Acknowledged votes that the ledger lacks → when they were acknowledged."""
    there = {row.pair for row in ledger.rows}
    return {pair: at for pair, at in history.told_at().items() if pair not in there}


def doubled(ledger: Ledger) -> list[Pair]:
    """Votes that the ledger holds more than once."""
    return [pair for pair, times in Counter(row.pair for row in ledger.rows).items() if times > 1]


def check(history: History, ledger: Ledger, box: Box, seen: Seen, allowed: Allowed) -> list[Finding]:
    """Every broken promise; empty: all are kept."""
    return [
        *_kept(history, ledger, seen, allowed),
        *_once(history, ledger, box, allowed),
        *_explained(history, ledger),
        *_books(ledger, box, allowed),
        *_receipts(history, ledger, seen),
        *_told(history, allowed),
        *_left_alone(seen),
        *_recovered(history, allowed),
        *_in_time(ledger, seen),
    ]


def _kept(history: History, ledger: Ledger, seen: Seen, allowed: Allowed) -> Iterable[Finding]:
    missing = lost(history, ledger)
    if allowed.lost_since is None:
        if missing:
            yield Finding("kept", f"{len(missing)} acknowledged votes are not in the ledger: {_some(missing)}")
        return
    since, until = allowed.lost_since - LAG_S, allowed.lost_until or allowed.lost_since
    outside = {pair: at for pair, at in missing.items() if not since <= at <= until}
    if outside:
        ages = ", ".join(f"{at - allowed.lost_since:+.2f} s" for at in sorted(outside.values())[:_NAMED])
        yield Finding("kept", f"{len(outside)} lost votes lie outside the flush lag ({ages}): {_some(outside)}")
    if missing and not seen.alarms:
        yield Finding("reported", f"{len(missing)} votes were lost and no alarm says so")


def _once(history: History, ledger: Ledger, box: Box, allowed: Allowed) -> Iterable[Finding]:
    if twice := doubled(ledger):
        yield Finding("once", f"{len(twice)} votes stand in the ledger more than once: {_some(twice)}")
    if twice := [pair for pair, times in Counter(box.ballots).items() if times > 1]:
        yield Finding("once", f"{len(twice)} votes stand in the box more than once: {_some(twice)}")
    created = Counter(a.pair for a in history.attempts if a.outcome == OK and a.status == 201)
    if (told := [pair for pair, times in created.items() if times > 1]) and allowed.lost_since is None:
        yield Finding("once", f"{len(told)} votes were told to be counted more than once: {_some(told)}")
    receipts: dict[Pair, set[str]] = {}
    for attempt in history.attempts:
        if attempt.outcome == OK:
            receipts.setdefault(attempt.pair, set()).add(attempt.receipt)
    if changed := [pair for pair, codes in receipts.items() if len(codes) > 1]:
        yield Finding("once", f"{len(changed)} votes were given two receipts: {_some(changed)}")


def _explained(history: History, ledger: Ledger) -> Iterable[Finding]:
    sent, refused = {attempt.pair for attempt in history.attempts}, history.refused()
    there = {row.pair for row in ledger.rows}
    if strange := there - sent:
        yield Finding("explained", f"{len(strange)} votes in the ledger were never cast: {_some(strange)}")
    if counted := there & refused:
        yield Finding("explained", f"{len(counted)} refused votes are in the ledger: {_some(counted)}")


def _books(ledger: Ledger, box: Box, allowed: Allowed) -> Iterable[Finding]:
    rows = dict(sorted(Counter(row.entry for row in ledger.rows).items()))
    sides = {
        "tallies": {entry: votes for entry, votes in sorted(ledger.tallies.items()) if votes},
        "box": {entry: votes for entry, votes in sorted(box.tally.items()) if votes},
        "ballots": dict(sorted(Counter(entry for _, entry in box.ballots).items())),
    }
    for name, side in sides.items():
        if side != rows:
            yield Finding("books", f"{name} {side} are not the ledger's rows {rows}")
    if apart := {row.pair for row in ledger.rows} ^ set(box.ballots):
        yield Finding("books", f"{len(apart)} votes are in ledger or ballots alone: {_some(apart)}")
    if box.epoch != ledger.epoch or box.added != ledger.taken:
        yield Finding(
            "books", f"the ledger has {ledger.taken} events of epoch {ledger.epoch}, the box {box.added} of {box.epoch}"
        )
    if box.state != allowed.state:
        yield Finding("books", f"the box is {box.state or 'not ready'}")
    if ledger.parked or (ledger.conflicts and not allowed.conflicts):
        yield Finding("books", f"{ledger.parked} events parked, {ledger.conflicts} conflicts")


def _receipts(history: History, ledger: Ledger, seen: Seen) -> Iterable[Finding]:
    numbers = {row.pair: row.receipt for row in ledger.rows}
    told = history.ok()
    wrong = [pair for pair, code in told.items() if pair in numbers and number_of(code) != numbers[pair]]
    if wrong:
        yield Finding("receipts", f"{len(wrong)} receipts are not those of their votes: {_some(wrong)}")
    if shared := [code for code, times in Counter(told.values()).items() if times > 1]:
        yield Finding("receipts", f"{len(shared)} receipts were given for several votes: {_some(shared)}")
    if told and not seen.receipts:
        yield Finding("receipts", "no receipt was looked up")
    if others := {status: times for status, times in seen.receipts.items() if status != "in_ledger"}:
        yield Finding("receipts", f"receipts that are not in the ledger over HTTP: {others}")


def _told(history: History, allowed: Allowed) -> Iterable[Finding]:
    said = Counter((a.status, a.code) for a in history.attempts if a.status >= 300 and a.code not in allowed.codes)
    for (status, code), times in sorted(said.items()):
        yield Finding("told", f"{times} answers {status} {code or 'without a code'}")
    silent = Counter(a.status for a in history.attempts if a.status >= 500 and not a.retry_after)
    for status, times in sorted(silent.items()):
        yield Finding("told", f"{times} answers {status} without Retry-After")
    if without := sum(a.outcome == OK and number_of(a.receipt) is None for a in history.attempts):
        yield Finding("told", f"{without} votes were acknowledged without a receipt")


def _left_alone(seen: Seen) -> Iterable[Finding]:
    for name, times in sorted(seen.ended.items()):
        if times > seen.stopped[name]:
            yield Finding("left_alone", f"{name} ended {times} times, the fault ended it {seen.stopped[name]} times")


def _recovered(history: History, allowed: Allowed) -> Iterable[Finding]:
    if history.last_heal() is None:
        return
    took = history.recovery_s()
    if took is None:
        yield Finding("recovered", "no vote was acknowledged after the heal")
    elif took > allowed.recovery_s:
        yield Finding("recovered", f"the first vote after the heal was acknowledged after {took:.1f} s")


def _in_time(ledger: Ledger, seen: Seen) -> Iterable[Finding]:
    if seen.window is None:
        return
    opens_at, closes_at = seen.window
    outside = [row.pair for row in ledger.rows if row.cast_at is None or not opens_at <= row.cast_at < closes_at]
    if outside:
        yield Finding("in_time", f"{len(outside)} votes lie outside the voting time: {_some(outside)}")


def _some(what: Iterable[object]) -> str:
    return ", ".join(str(one) for one, _ in zip(what, range(_NAMED), strict=False))


def number_of(receipt: str) -> int | None:
    """The 60-bit number of a receipt (its first twelve letters); None for what is no receipt."""
    letters = receipt.replace("-", "")
    if len(letters) != 20 or not set(letters) <= _CROCKFORD.keys():
        return None
    number = 0
    for letter in letters[:12]:
        number = number << 5 | _CROCKFORD[letter]
    return number


def read_ledger(url: str, contest: int = 1) -> Ledger:
    """By plain SQL, in one snapshot. `url`: `postgresql+psycopg://…`. Errors: psycopg.OperationalError."""
    with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        rows = connection.execute(
            "SELECT account_id, entry_id, receipt, extract(epoch FROM cast_at)::float8, recovered_at IS NOT NULL"
            " FROM votes WHERE voided_at IS NULL"
        ).fetchall()
        tallies = connection.execute(
            "SELECT entry_id, sum(votes)::int FROM tallies WHERE contest_id = %s GROUP BY entry_id", [contest]
        ).fetchall()
        [(taken, epoch, conflicts)] = connection.execute(
            "SELECT taken, epoch, conflicts FROM cursors WHERE contest_id = %s", [contest]
        ).fetchall()
        [(parked,)] = connection.execute(
            "SELECT count(*) FROM parked_events WHERE contest_id = %s AND resolved_at IS NULL", [contest]
        ).fetchall()
    return Ledger([Row(*row) for row in rows], dict(tallies), taken, epoch, parked, conflicts)


def read_box(url: str, contest: int = 1) -> Box:
    """By raw commands. Errors: redis.RedisError."""
    tag = f"{{{contest}.0}}:"
    with redis.Redis.from_url(url, socket_timeout=10) as client:
        names = list(client.scan_iter(match=tag + "ballot:*", count=5000))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.smembers(name)
        ballots = [
            (int(name.rpartition(b":")[2]), int(entry))
            for name, entries in zip(names, pipe.execute(), strict=True)
            for entry in entries
        ]
        told = client.hgetall(tag + "contest")
        tally = {int(entry): int(votes) for entry, votes in client.hgetall(tag + "tally").items()}
        added = int(client.xinfo_stream(tag + "log")["entries-added"])
    return Box(ballots, tally, told.get(b"state", b"").decode(), int(told.get(b"epoch", 0)), added)


def pending(ledger_url: str, box_url: str, contest: int = 1) -> int | None:
    """Events of the log that the ledger lacks; None while that cannot be told: one is away, or their epochs differ."""
    try:
        with psycopg.connect(ledger_url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
            found = connection.execute("SELECT taken, epoch FROM cursors WHERE contest_id = %s", [contest]).fetchone()
        with redis.Redis.from_url(box_url, socket_timeout=5) as client:
            epoch = client.hget(f"{{{contest}.0}}:contest", "epoch")
            added = client.xinfo_stream(f"{{{contest}.0}}:log")["entries-added"]
    except (psycopg.OperationalError, redis.RedisError):
        return None
    return int(added) - found[0] if found and epoch and int(epoch) == found[1] else None


def look_up(port: int, codes: Iterable[str]) -> Counter[str]:
    """Receipts over HTTP, by the status that they are told to have (or by that of HTTP)."""
    said: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for code in codes:
        connection.request("GET", f"/api/receipts/{code}")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        said[body["status"] if answer.status == 200 else f"HTTP {answer.status}"] += 1
    connection.close()
    return said


_ENDED = re.compile(r"^\S+ \S+ ([\w.]+) ended \(([^)]*)\); starting it again", re.MULTILINE)


def ended(supervisor_log: str) -> Counter[str]:
    """How often each process ended, by what the supervisor said: `api` for any of them, `worker.flush.0`, `box`, …"""
    return Counter(
        name if name.startswith("worker") else name.split(".")[0] for name, _ in _ENDED.findall(supervisor_log)
    )

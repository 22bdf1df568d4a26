"""What a rehearsal says when the system it rehearses on lies: votes taken away and added behind its back, a flush and a
ledger that stand still, receipts that are not what the voter was given. Each must be a no-go, for the right reason.

A real stack, a journal as Locust's processes write it, and the checks that follow every rehearsal.
"""

import os
import signal
from collections import Counter
from contextlib import closing, contextmanager

import httpx
import psutil
import psycopg
import pytest
import redis

from loadtests.rehearsal.books import check_books, settled_tallies
from loadtests.rehearsal.check import Seen
from loadtests.rehearsal.journal import COUNTED, SENT, UNKNOWN, Journal
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.stack import Stack as OwnStack
from loadtests.rehearsal.target import find_target, gauges
from loadtests.rehearsal.verdict import judge, passed
from loadtests.rehearsal.watching import LogWatch
from models.settings import ROOT
from tests.journeys.stack import Stack
from tests.servers import libpq_url, short_folder, wait_for
from tests.tampering import votes_unguarded

pytestmark = pytest.mark.timeout(120)
ENTRY, OTHER = 1, 2
DRAIN_S = 1.0
BOOKS = {
    *("acknowledged_is_counted", "box_is_ledger", "nobody_twice", "receipts_are_own", "receipts_in_ledger"),
    *("nobody_refused_for_good", "nobody_gave_up", "drained"),
}


@pytest.fixture(scope="module")
def stack():
    made = Stack(short_folder() / "data", WEB_CONCURRENCY="1").start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tokens(stack, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    stack.run("mint-sessions", "--count", "500", "--out", str(path))
    return path


@pytest.fixture
def held(stack, tokens, tmp_path):
    """A rehearsal whose voters have come; what was changed behind its back is repaired afterwards."""
    made = Held(stack, tokens, tmp_path)
    with made.journal(), made.box, made.ledger, closing(made.target.client):
        yield made
    stack.run("repair")


class Held:
    """`vote` casts, and writes down what the voter was told."""

    _next = 0

    def __init__(self, stack, tokens, folder):
        self.stack, self.tokens, self.folder = stack, tokens, folder
        wait_for(self._open, 20, "the box after a repair")
        self.target = find_target(stack.address)
        variables = {**stack.environment, "PYTHONPATH": str(ROOT)}
        self.own = OwnStack(stack.address, stack.folder, stack.folder, variables, stack.process)
        self.box = redis.Redis.from_url(stack.address_of("BALLOT_BOX_URL"), decode_responses=True)
        self.ledger = psycopg.connect(libpq_url(stack.address_of("DATABASE_URL")), autocommit=True)
        self.before = settled_tallies(self.target)

    def _open(self):
        return httpx.get(f"{self.stack.address}/api/contest").json()["state"] == "open"

    @contextmanager
    def journal(self):
        with closing(Journal(self.folder, "0")) as self.files:
            yield

    def cast(self, entry=ENTRY):
        """Account and receipt of a new voter's vote, of which nothing is written down."""
        account, Held._next = Held._next, Held._next + 1
        token = self.tokens.read_text().split()[account]
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.put(f"{self.stack.address}/api/entries/{entry}/vote", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(account), answer.json()["receipt"]

    def vote(self, entry=ENTRY):
        account, receipt = self.cast(entry)
        self.files.vote(account, entry, SENT)
        self.files.vote(account, entry, COUNTED, receipt)
        return account, receipt

    def flushed(self):
        """Account, entry and shard of the last vote in the ledger, when all are there."""
        wait_for(lambda: self.stack.status()["log"]["pending"] == 0, 20, "all votes in the ledger")
        last = "SELECT account_id, entry_id, shard FROM votes ORDER BY log_ms DESC, log_seq DESC LIMIT 1"
        return self.ledger.execute(last).fetchone()

    def take_from_box(self, account, entry, shard):
        keys = f"{{{self.target.contest['id']}.{shard}}}"
        assert self.box.srem(f"{keys}:ballot:{account}", entry) == 1
        self.box.hincrby(f"{keys}:tally", entry, -1)

    def take_from_ledger(self, account, entry, shard, tally=True):
        with votes_unguarded(self.ledger.execute):
            gone = self.ledger.execute("DELETE FROM votes WHERE account_id = %s AND entry_id = %s", (account, entry))
        assert gone.rowcount == 1
        if tally:
            less = "UPDATE tallies SET votes = votes - 1 WHERE entry_id = %s AND shard = %s AND contest_id = %s"
            assert self.ledger.execute(less, (entry, shard, self.target.contest["id"])).rowcount == 1

    def take_everywhere(self, account, entry, shard):
        self.take_from_box(account, entry, shard)
        self.take_from_ledger(account, entry, shard)

    def failing(self):
        """Name → what was seen, of the conditions about the books that fail."""
        books = check_books(self.target, self.folder, self.tokens, self.before, self.own, DRAIN_S)
        checks = judge(Seen(Counter(), [], books, {}, []), Limits())
        assert not passed(checks)
        return {check.name: check.seen for check in checks if check.ok is False and check.name in BOOKS}


def told(acknowledged, counted):
    return f"báo nhận · acknowledged {acknowledged} → đếm được · counted {counted}"


def test_votes_that_are_where_they_should_be_are_no_reason(held):
    for entry in (ENTRY, ENTRY, OTHER):
        held.vote(entry)
    assert held.failing() == {}


def test_a_vote_taken_out_of_the_ledger(held):
    held.vote()
    held.vote()
    held.take_from_ledger(*held.flushed(), tally=False)
    said = held.failing()
    assert set(said) == {"box_is_ledger", "receipts_in_ledger"}
    assert "missing in ledger 1" in said["box_is_ledger"]
    assert said["receipts_in_ledger"] == "in_ledger 1, received 1"


def test_a_vote_taken_out_of_the_ledger_with_its_tally(held):
    held.vote()
    held.take_from_ledger(*held.flushed())
    said = held.failing()
    assert set(said) == {"box_is_ledger", "receipts_in_ledger", "drained"}
    assert "drift 1" in said["box_is_ledger"]


def test_a_vote_taken_out_of_the_box(held):
    held.vote()
    held.vote()
    held.take_from_box(*held.flushed())
    said = held.failing()
    assert set(said) == {"acknowledged_is_counted", "box_is_ledger", "drained"}
    assert said["acknowledged_is_counted"] == f"{told(2, 1)}; #{ENTRY}: 2 → 1"
    assert "missing in box 1" in said["box_is_ledger"]


def test_a_vote_taken_out_of_box_and_ledger_which_agree_about_it(held):
    held.vote()
    held.vote()
    held.take_everywhere(*held.flushed())
    said = held.failing()
    assert set(said) == {"acknowledged_is_counted", "receipts_in_ledger"}
    assert said["acknowledged_is_counted"] == f"{told(2, 1)}; #{ENTRY}: 2 → 1"
    assert said["receipts_in_ledger"] == "in_ledger 1, received 1"


def test_a_vote_added_that_nobody_was_told_of(held):
    held.vote()
    held.cast(OTHER)
    said = held.failing()
    assert said == {"acknowledged_is_counted": f"{told(1, 2)}; #{OTHER}: 0 → 1"}


def test_a_row_added_to_the_ledger(held):
    held.vote()
    account, entry, _ = held.flushed()
    columns = "cast_at, log_ms, receipt, entry_id, log_seq, shard, proof, evidence"
    held.ledger.execute(
        f"INSERT INTO votes (account_id, {columns}) SELECT account_id + 1000, {columns} FROM votes"
        " WHERE account_id = %s AND entry_id = %s",
        (account, entry),
    )
    try:
        said = held.failing()
    finally:
        with votes_unguarded(held.ledger.execute):
            held.ledger.execute("DELETE FROM votes WHERE account_id = %s", (account + 1000,))
    assert set(said) == {"box_is_ledger"}
    assert "missing in box 1" in said["box_is_ledger"]
    assert "tallies off 1" in said["box_is_ledger"]


def test_a_vote_exchanged_for_a_strangers_of_the_same_entry(held):
    held.vote()
    mine = held.flushed()
    held.cast()
    held.flushed()
    held.take_everywhere(*mine)
    assert held.failing() == {"receipts_in_ledger": "received 1"}


def test_a_lost_vote_does_not_hide_behind_an_unclear_one_that_was_counted(held):
    held.vote()
    lost = held.flushed()
    account, _ = held.cast()
    held.files.vote(account, ENTRY, SENT)
    held.files.vote(account, ENTRY, UNKNOWN)
    held.flushed()
    held.take_everywhere(*lost)
    said = held.failing()
    assert said["acknowledged_is_counted"] == f"{told('1 + tìm thấy · found 1', 1)}; #{ENTRY}: 2 → 1"


def test_unclear_votes_are_asked_for_one_by_one(held):
    held.vote()
    account, _ = held.cast()
    held.files.vote(account, ENTRY, SENT)  # its process was killed before the answer
    held.files.vote("499", ENTRY, SENT)
    held.files.vote("499", ENTRY, UNKNOWN)  # never counted
    held.files.vote("login-7", OTHER, UNKNOWN)  # its token is not kept
    books = check_books(held.target, held.folder, held.tokens, held.before, held.own, DRAIN_S)
    assert (books.acknowledged, books.found, books.unknown, books.counted) == (1, 1, 1, 2)
    assert books.by_entry[ENTRY] == (2, 0, 2)
    assert books.by_entry[OTHER] == (0, 1, 0)


@contextmanager
def standing_still(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_flush_that_stands_still(held):
    log = LogWatch()
    with standing_still(held.stack.pids("worker")):
        held.vote()
        wait_for(lambda: (log.look(gauges(held.target), 0.0)[1] or 0) > 1, 20, "a lag that grows")
        said = held.failing()
    assert set(said) == {"box_is_ledger", "receipts_in_ledger", "drained"}
    assert said["receipts_in_ledger"] == "received 1"
    assert "pending 1" in said["box_is_ledger"]
    assert "not seen in time" in said["drained"]


def test_a_ledger_that_stands_still(held):
    [postmaster] = held.stack.pids("postgres")
    log, last = LogWatch(), gauges(held.target)
    log.look(last, 0.0)
    with standing_still([postmaster, *(child.pid for child in psutil.Process(postmaster).children(recursive=True))]):
        held.vote()
        # The system's own numbers stand still then, and say that nothing waits:
        assert log.look(gauges(held.target), 60.0)[1] >= 60
        said = held.failing()
    assert set(said) >= {"box_is_ledger", "receipts_in_ledger", "drained"}
    assert said["receipts_in_ledger"] == "away 1"


def test_receipts_that_are_not_what_the_voter_was_given(held):
    (one, first), (two, second) = held.cast(), held.cast(OTHER)
    held.files.vote(one, ENTRY, COUNTED, second)  # exchanged
    held.files.vote(two, OTHER, COUNTED, first)
    (three, third), (four, _) = held.cast(), held.cast()
    held.files.vote(three, ENTRY, COUNTED, third)
    held.files.vote(four, ENTRY, COUNTED, third)  # the same for two
    five, _ = held.cast()
    held.files.vote(five, ENTRY, COUNTED, "AAAA-BBBB-CCCC-DDDD-EEEE")  # made up
    said = held.failing()
    assert set(said) == {"receipts_are_own", "receipts_in_ledger"}
    assert said["receipts_are_own"] == "chung mã · shared: 2; bài khác · another entry: 0"
    assert said["receipts_in_ledger"] == "404 1, in_ledger 2, of another entry 2"


def test_elsewhere_the_same_lies_are_seen_by_http_alone(held):
    held.vote()
    held.vote(OTHER)
    held.take_from_ledger(*held.flushed(), tally=False)
    held.own = None
    said = held.failing()
    assert set(said) == {"receipts_in_ledger", "drained"}
    assert said["receipts_in_ledger"] == "in_ledger 1, received 1"

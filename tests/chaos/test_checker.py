"""The checker of `make chaos` itself: books and histories that lie, each in one way, and what it says of them."""

import ast
import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import __main__ as runner
from tests.chaos.checker import (
    LAG_S,
    PROMISES,
    Allowed,
    Box,
    Ledger,
    Row,
    Seen,
    check,
    doubled,
    ended,
    lost,
    number_of,
)
from tests.chaos.clients import account_of
from tests.chaos.history import MARKS, OK, REFUSED, UNKNOWN, VOTES, Attempt, History, read
from tests.chaos.report import PAGE, keep, load, page

HERE = Path(__file__).parent
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIRS = [(account, entry) for account in (11, 12, 13) for entry in (1, 2)]
UNCLEAR, NO_VOTE = (14, 1), (15, 1)


def receipt(pair: tuple[int, int]) -> tuple[int, str]:
    """A receipt's number and its spelling."""
    number = pair[0] * 1000 + pair[1]
    letters = "".join(LETTERS[number >> 5 * place & 31] for place in reversed(range(12))) + "00000000"
    return number, "-".join(letters[start : start + 4] for start in range(0, 20, 4))


class Truth:
    """A run in which every promise was kept: six votes acknowledged, one unclear and counted, one refused. Votes are
    acknowledged at 100, 101, …; the fault is at 104, the heal at 104.5.
    """

    def __init__(self) -> None:
        tries = [Attempt(*pair, 100.0 + at, OK, 100.5 + at, 201, "", receipt(pair)[1]) for at, pair in enumerate(PAIRS)]
        tries += [
            Attempt(*PAIRS[0], 107.0, OK, 107.1, 200, "", receipt(PAIRS[0])[1]),
            Attempt(*UNCLEAR, 104.0),
            Attempt(*NO_VOTE, 104.0, REFUSED, 104.1, 503, "not_ready", "", retry_after=True),
            Attempt(*NO_VOTE, 104.0, UNKNOWN, 104.1, 503, "not_confirmed", "", retry_after=True),
        ]
        self.history = History(tries, [("fault", "kill", 104.0), ("heal", "", 104.5)])
        counted = [*PAIRS, UNCLEAR]
        rows = [Row(*pair, receipt(pair)[0], 100.0) for pair in counted]
        tally = dict(Counter(entry for _, entry in counted))
        self.ledger = Ledger(rows, dict(tally), taken=8, epoch=5)
        self.box = Box(list(counted), dict(tally), "open", epoch=5, added=8)
        self.seen = Seen(Counter(box=1), Counter(box=1), Counter(in_ledger=6), [], (0.0, 1000.0))
        self.allowed = Allowed()

    def said(self) -> dict[str, str]:
        return {one.promise: one.text for one in check(self.history, self.ledger, self.box, self.seen, self.allowed)}

    def attempt(self, place: int, **changes: Any) -> None:
        self.history.attempts[place] = dataclasses.replace(self.history.attempts[place], **changes)

    def change(self, side: str, **changes: Any) -> None:
        setattr(self, side, dataclasses.replace(getattr(self, side), **changes))

    def lose(self, pair: tuple[int, int]) -> None:
        """A vote is gone from everywhere, and all books agree about it."""
        rows = [row for row in self.ledger.rows if row.pair != pair]
        tally = dict(Counter(row.entry for row in rows))
        self.change("ledger", rows=rows, tallies=tally)
        self.change("box", ballots=[row.pair for row in rows], tally=dict(tally))

    def slip_in(self, pair: tuple[int, int]) -> None:
        """A vote is counted everywhere, and all books agree about it."""
        rows = [*self.ledger.rows, Row(*pair, receipt(pair)[0], 100.0)]
        tally = dict(Counter(row.entry for row in rows))
        self.change("ledger", rows=rows, tallies=tally)
        self.change("box", ballots=[row.pair for row in rows], tally=dict(tally))


def test_a_run_that_kept_every_promise() -> None:
    assert Truth().said() == {}


def test_an_unclear_vote_may_be_counted_or_not() -> None:
    truth = Truth()
    truth.lose(UNCLEAR)
    assert truth.said() == {}
    truth.slip_in(NO_VOTE)  # one of its tries was never confirmed
    assert truth.said() == {}


def _lost(truth: Truth) -> None:
    truth.lose(PAIRS[2])


def _twice_in_the_ledger(truth: Truth) -> None:
    truth.change("ledger", rows=[*truth.ledger.rows, truth.ledger.rows[0]], tallies={1: 5, 2: 3})
    truth.change("box", tally={1: 5, 2: 3}, ballots=[*truth.box.ballots, PAIRS[0]])


def _told_twice(truth: Truth) -> None:
    truth.attempt(6, status=201)


def _two_receipts(truth: Truth) -> None:
    truth.attempt(6, receipt=receipt(PAIRS[1])[1])


def _a_stranger(truth: Truth) -> None:
    truth.slip_in((99, 1))


def _a_refused_vote(truth: Truth) -> None:
    truth.attempt(9, outcome=REFUSED, code="busy")
    truth.slip_in(NO_VOTE)


def _exchanged(truth: Truth) -> None:
    truth.lose(PAIRS[0])
    truth.slip_in((99, 1))


def _wrong_tallies(truth: Truth) -> None:
    truth.change("ledger", tallies={1: 4, 2: 4})


def _wrong_count_in_the_box(truth: Truth) -> None:
    truth.change("box", tally={1: 3, 2: 3})


def _a_ballot_less(truth: Truth) -> None:
    truth.change("box", ballots=truth.box.ballots[1:])


def _ballots_exchanged(truth: Truth) -> None:
    truth.change("box", ballots=[(98, 1), *truth.box.ballots[1:]])


def _pending(truth: Truth) -> None:
    truth.change("box", added=9)


def _epochs(truth: Truth) -> None:
    truth.change("box", epoch=6)


def _shut(truth: Truth) -> None:
    truth.change("box", state="")


def _parked(truth: Truth) -> None:
    truth.change("ledger", parked=1)


def _conflict(truth: Truth) -> None:
    truth.change("ledger", conflicts=1)


def _wrong_receipt(truth: Truth) -> None:
    truth.attempt(2, receipt=receipt((77, 1))[1])


def _not_found_over_http(truth: Truth) -> None:
    truth.seen.receipts = Counter({"in_ledger": 5, "HTTP 404": 1})


def _nobody_looked(truth: Truth) -> None:
    truth.seen.receipts = Counter()


def _no_retry_after(truth: Truth) -> None:
    truth.attempt(8, retry_after=False)


def _a_traceback(truth: Truth) -> None:
    truth.attempt(9, status=500, code="internal")


def _no_receipt(truth: Truth) -> None:
    truth.attempt(1, receipt="")


def _an_end_more(truth: Truth) -> None:
    truth.seen.ended["box"] = 2


def _another_process(truth: Truth) -> None:
    truth.seen.ended["worker.flush.0"] = 1


def _never_again(truth: Truth) -> None:
    truth.history.marks[1] = ("heal", "", 108.0)


def _late_again(truth: Truth) -> None:
    truth.attempt(5, told_at=104.5 + 21)
    truth.attempt(6, sent_at=104.0)


def _too_late(truth: Truth) -> None:
    truth.seen.window = (0.0, 100.0)


LIES: list[tuple[Callable[[Truth], None], str, str]] = [
    (_lost, "kept", "1 acknowledged votes are not in the ledger: (12, 1)"),
    (_exchanged, "kept", "(11, 1)"),
    (_exchanged, "explained", "(99, 1)"),
    (_twice_in_the_ledger, "once", ""),
    (_told_twice, "once", "counted more than once: (11, 1)"),
    (_two_receipts, "once", "two receipts: (11, 1)"),
    (_a_stranger, "explained", "never cast: (99, 1)"),
    (_a_refused_vote, "explained", "refused votes are in the ledger: (15, 1)"),
    (_wrong_tallies, "books", "tallies {1: 4, 2: 4} are not"),
    (_wrong_count_in_the_box, "books", "box {1: 3, 2: 3} are not"),
    (_a_ballot_less, "books", "ledger or ballots alone: (11, 1)"),
    (_ballots_exchanged, "books", "2 votes are in ledger or ballots alone"),
    (_pending, "books", "the ledger has 8 events of epoch 5, the box 9 of 5"),
    (_epochs, "books", "of 6"),
    (_shut, "books", "not ready"),
    (_parked, "books", "1 events parked"),
    (_conflict, "books", "1 conflicts"),
    (_wrong_receipt, "receipts", "not those of their votes: (12, 1)"),
    (_not_found_over_http, "receipts", "'HTTP 404': 1"),
    (_nobody_looked, "receipts", "no receipt was looked up"),
    (_no_retry_after, "told", "1 answers 503 without Retry-After"),
    (_a_traceback, "told", "1 answers 500 internal"),
    (_no_receipt, "told", "without a receipt"),
    (_an_end_more, "left_alone", "box ended 2 times, the fault ended it 1 times"),
    (_another_process, "left_alone", "worker.flush.0 ended 1 times"),
    (_never_again, "recovered", "no vote was acknowledged after the heal"),
    (_late_again, "recovered", "after 21.0 s"),
    (_too_late, "in_time", "7 votes lie outside"),
]


@pytest.mark.parametrize(("lie", "promise", "words"), LIES, ids=[f"{lie.__name__}-{p}" for lie, p, _ in LIES])
def test_each_lie_is_told(lie: Callable[[Truth], None], promise: str, words: str) -> None:
    truth = Truth()
    lie(truth)
    found = check(truth.history, truth.ledger, truth.box, truth.seen, truth.allowed)
    assert any(one.promise == promise and words in one.text for one in found), found


def test_every_promise_has_a_lie() -> None:
    assert {promise for _, promise, _ in LIES} | {"reported"} == PROMISES.keys()


def test_a_lost_disk_excuses_what_it_alone_had_and_no_more() -> None:
    truth = Truth()
    truth.lose(PAIRS[3])  # acknowledged at 103.5
    truth.seen.alarms = ["ALARM: the box went back in time"]
    truth.allowed = Allowed(lost_since=104.0)
    assert truth.said() == {}
    assert lost(truth.history, truth.ledger) == {PAIRS[3]: 103.5}
    truth.seen.alarms = []
    assert truth.said() == {"reported": "1 votes were lost and no alarm says so"}
    truth.seen.alarms = ["ALARM"]
    truth.allowed = Allowed(lost_since=103.5 + LAG_S + 0.1)  # it was in the ledger by then
    assert "outside the flush lag (-3.10 s): (12, 2)" in truth.said()["kept"]
    truth.allowed = Allowed(lost_since=103.0)  # acknowledged after the fault
    assert "(+0.50 s)" in truth.said()["kept"]
    truth.allowed = Allowed(lost_since=103.0, lost_until=103.6)  # while it lasted
    assert truth.said() == {}


def test_doubled_votes_are_named() -> None:
    truth = Truth()
    _twice_in_the_ledger(truth)
    assert doubled(truth.ledger) == [PAIRS[0]]


def test_receipts_are_read_as_they_are_printed() -> None:
    assert [number_of(receipt(pair)[1]) for pair in PAIRS] == [receipt(pair)[0] for pair in PAIRS]
    assert number_of("0000-0000-000Z-0000-0000") == 31
    for text in ("", "0000-0000-0000-0000", "0000-0000-000U-0000-0000"):
        assert number_of(text) is None


def test_the_supervisors_words_are_counted_by_process() -> None:
    said = (
        "2026-11-23 20:51:02 api.1 ended (killed by SIGKILL); starting it again in 0.1 s.\n"
        "2026-11-23 20:51:02 api.2 ended (killed by SIGKILL); starting it again in 0.1 s.\n"
        "2026-11-23 20:51:03 worker.flush.0 ended (exit status 1); starting it again in 0.1 s.\n"
        "2026-11-23 20:51:04 box did not become ready\n"
    )
    assert ended(said) == Counter({"api": 2, "worker.flush.0": 1})


def test_a_journal_that_a_crash_cut_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"try": 0, "account": 1, "entry": 2, "at": 1.0},
        {"try": 1, "account": 1, "entry": 3, "at": 1.0},
        {"try": 0, "outcome": "ok", "status": 201, "receipt": "R", "at": 2.0},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / VOTES).write_text(text + '{"try": 1, "outcome": "o')
    (tmp_path / MARKS).write_text('{"mark": "fault", "what": "kill", "at": 1.5}\n{"mark": "heal", "what": "", "at": 2')
    history = read(tmp_path)
    assert history.ok() == {(1, 2): "R"}
    assert history.unknown() == {(1, 3)}, "its answer may have come"
    assert (history.first_fault(), history.last_heal()) == (1.5, None)


def test_the_voters_know_whose_token_it_is() -> None:
    assert account_of("AQAAAAAAAAABAAAAAAAAACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") == 42


NEUTRAL = ("history.py", "clients.py", "checker.py", "report.py")


@pytest.mark.parametrize("name", NEUTRAL)
def test_the_checker_has_no_code_in_common_with_the_product(name: str) -> None:
    """Neither itself nor by what it imports of the tests."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse((HERE / name).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            imported.add(str(node.module))
    ours = {module for module in imported if module.split(".")[0] in {"api", "models", "scripts", "tests", "workers"}}
    assert ours <= {f"tests.chaos.{Path(other).stem}" for other in NEUTRAL}


def test_a_result_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    result = {"fault": "kill", "outcome": "failed", "why": "", "seed": "1", "acknowledged": 1000, "lost": 2}
    keep(path, "fault_x.py::test_x[box]", {**result, "findings": [{"promise": "kept", "text": "2 votes"}]})
    assert "| **broken** | 1,000 | 2 |" in page(load(path))
    assert "- fault_x.py::test_x[box] (seed 1): kept: 2 votes" in page(load(path))
    assert "1 did not" in page(load(path))
    keep(path, "fault_x.py::test_x[box]", {**result, "why": "out of time"})
    assert "## Not finished\n- fault_x.py::test_x[box] (seed 1): out of time\n" in page(load(path))
    keep(path, "fault_x.py::test_x[box]", {**result, "outcome": "passed", "bounded": True, "lost": 3})
    text = page(load(path))
    assert "| kept | 1,000 | 3¹ |" in text
    assert "broken" not in text.split("## Last results")[1]
    assert "0 lost, 3 lost with the box's own disk" in text


def test_the_page_is_what_the_results_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load())


def test_the_page_names_every_fault_and_no_other() -> None:
    faults = {path.name for path in HERE.glob("fault_*.py")}
    assert {test.partition("::")[0] for test in load()} <= faults
    assert all(name in PAGE.read_text(encoding="utf-8") for name in faults)


@pytest.mark.parametrize(("text", "wanted"), [("30m", 1800.0), ("45s", 45.0), ("2h", 7200.0), ("5", 300.0)])
def test_durations(text: str, wanted: float) -> None:
    assert runner.seconds(text) == wanted

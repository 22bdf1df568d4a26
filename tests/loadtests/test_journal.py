"""The journals of the clients: what they prove, also when they end in the middle of a line."""

from collections import Counter
from contextlib import closing

import pytest

from loadtests.rehearsal.board import Board, shared_board
from loadtests.rehearsal.counts import bucket, percentile, upper_ms
from loadtests.rehearsal.journal import AGAIN, COUNTED, GAVE_UP, MIXED, SENT, UNKNOWN, Journal, Seconds, read_votes


@pytest.fixture
def journal_of(tmp_path):
    """Makes the journal of a process; all are closed at the end."""
    made = []

    def make(worker):
        made.append(Journal(tmp_path, worker))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_each_line_is_on_its_way_before_the_next_and_all_processes_count(tmp_path, journal_of):
    first, second = journal_of("0"), journal_of("1")
    first.vote("1", 7, COUNTED, "AAAA")
    second.vote("1", 7, AGAIN, "AAAA")
    second.vote("2", 7, UNKNOWN)
    second.vote("2", 7, AGAIN, "BBBB")
    second.vote("3", 7, UNKNOWN)
    second.vote("3", 7, GAVE_UP)
    second.vote("4", 8, AGAIN, "CCCC")
    second.vote("5", 8, "refused:403:closed")
    second.vote("6", 8, "intrusion:bent")
    votes = read_votes(tmp_path)
    assert votes.receipts == {("1", 7): "AAAA", ("2", 7): "BBBB", ("4", 8): "CCCC"}
    assert votes.earlier() == {("4", 8)}
    assert votes.unclear() == {("3", 7)}
    assert votes.gave_up == {("3", 7)}
    assert votes.refused == {"403:closed": 1}
    assert votes.intrusions == {"bent": 1}
    assert max(votes.created.values()) == 1
    assert not votes.changed_receipts


def test_a_vote_counted_twice_and_another_receipt_are_seen(tmp_path, journal_of):
    files = journal_of("0")
    files.vote("1", 7, COUNTED, "AAAA")
    files.vote("1", 7, COUNTED, "BBBB")
    votes = read_votes(tmp_path)
    assert votes.created["1", 7] == 2
    assert votes.changed_receipts == [("1", 7)]


def test_a_vote_whose_client_was_killed_before_the_answer_is_unclear(journal_of, tmp_path):
    files = journal_of("0")
    for account in "123":
        files.vote(account, 7, SENT)
    files.vote("1", 7, COUNTED, "AAAA")
    files.vote("2", 7, "refused:403:closed")
    votes = read_votes(tmp_path)
    assert votes.unclear() == {("3", 7)}
    assert votes.earlier() == set()


def test_who_shares_a_receipt_or_got_the_answer_of_another_entry_is_seen(journal_of, tmp_path):
    files = journal_of("0")
    files.vote("1", 7, COUNTED, "AAAA")
    files.vote("2", 7, COUNTED, "AAAA")
    files.vote("3", 7, SENT)
    files.vote("3", 7, MIXED, "BBBB")
    votes = read_votes(tmp_path)
    assert votes.shared() == 2
    assert votes.mixed == {("3", 7): 1}
    assert votes.unclear() == {("3", 7)}


def test_who_left_without_a_receipt_and_who_got_theirs_last(tmp_path):
    (tmp_path / "votes-0.tsv").write_text(
        "1\t7\tsent\t\t10\n1\t7\t201\tAAAA\t30\n"
        "2\t7\tsent\t\t11\n2\t7\tunknown\t\t12\n2\t7\tgave_up\t\t13\n"
        "3\t7\tsent\t\t14\n"
        "4\t7\tsent\t\t15\n4\t7\trefused:403:closed\t\t16\n"
    )
    (tmp_path / "votes-1.tsv").write_text("5\t7\tsent\t\t17\n5\t7\t201\tBBBB\t20\n")
    votes = read_votes(tmp_path)
    assert votes.left() == {("2", 7), ("3", 7)}
    assert votes.latest(1) == [("1", 7)]


def test_half_a_line_of_a_killed_process_is_left_out(tmp_path, journal_of):
    journal_of("0").vote("1", 7, COUNTED, "AAAA")
    with (tmp_path / "votes-0.tsv").open("a") as file:
        file.write("2\t7\t201\tBB")
    assert set(read_votes(tmp_path).receipts) == {("1", 7)}


def test_seconds_are_read_on_from_where_they_were_left(tmp_path, journal_of):
    files, seconds = journal_of("0"), Seconds(tmp_path)
    files.count(3, "sent.vote")
    files.count(4, "sent.vote")
    files.publish(before=4)
    assert seconds.read() == {3: Counter({"sent.vote": 1})}
    with (tmp_path / "seconds-1.jsonl").open("w") as file:
        file.write('{"s": 3, "n": {"sent.vote": 2}}\n{"s": 4, ')
        file.flush()
        files.publish()
        assert seconds.read() == {3: Counter({"sent.vote": 3}), 4: Counter({"sent.vote": 1})}
        file.write('"n": {"ack": 5}}\n')
    assert seconds.read()[4] == {"sent.vote": 1, "ack": 5}


@pytest.mark.parametrize("ms", [0, 0.1, 1, 17.3, 999, 44_000])
def test_a_bucket_is_five_percent_wide(ms):
    assert ms <= upper_ms(bucket(ms)) * 1.000001
    assert upper_ms(bucket(ms)) <= max(0.1, ms) * 1.0501


def test_percentiles():
    counts = Counter()
    for ms in range(1, 1001):
        counts[f"ms.vote.{bucket(ms)}"] += 1
    counts[f"ms.page.{bucket(5000)}"] += 9
    assert percentile(counts, "ms.vote.", 0.5) == pytest.approx(500, rel=0.06)
    assert percentile(counts, "ms.vote.", 0.99) == pytest.approx(990, rel=0.06)
    assert percentile(counts, "ms.page.", 0.5) == pytest.approx(5000, rel=0.06)
    assert percentile(counts, "ms.asset.", 0.5) is None


def test_a_board_gives_each_number_once(tmp_path):
    with shared_board(tmp_path / "board") as board, closing(Board(tmp_path / "board")) as same:
        assert [board.take("taken.Bot"), same.take("taken.Bot"), board.take("taken.Bot")] == [0, 1, 2]
        assert same.get("taken.Bot") == 3
        assert board.get("here") == 0

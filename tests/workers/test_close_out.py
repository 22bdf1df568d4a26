"""Close-out: the blunt way through, row by row of the crash table in workers/close_out.py, and what it refuses."""

import hashlib
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
import redis
from sqlalchemy import text

from models.audit import Actor
from models.ballot_box import steer
from models.ballot_box.connection import BoxAway, box_client
from models.contest import decide_state
from models.database import transaction
from models.decisions import bring
from models.export_stream import Export
from models.export_votes import votes_query
from models.minutes import Asked, MinutesError, canonical, public_key, sha256, verify
from models.outcomes import Outcome
from models.result import Result, find_result
from models.secrets import KeyRing
from tests.workers.contests import KEYS, Stage, stage
from workers import close_out as steps
from workers import close_out_minutes
from workers.books import compare
from workers.close_out import Stores, close_out
from workers.close_out_refusals import CloseOutRefusedError, Refusal

LAN = Actor("lan", 1)
ASKED = Asked("12/BB-BTC", "Thái Nguyên", ("Bà An – Trưởng ban", "Ông Bình – Thư ký"))
WHY = "Ban tổ chức quyết định kết thúc sớm."


class Died(Exception):  # noqa: N818 - what a kill is to the code
    """The process was killed at this place."""


@pytest.fixture
def voted(open_contest: Stage) -> Stage:
    """Entry 1 has 5 votes, 2 has 5, 3 has 2, of 12 accounts; nothing flushed."""
    for entry, votes in ((1, 5), (2, 5), (3, 2)):
        open_contest.cast_many(votes, entry)
    return open_contest


def stores(made: Stage) -> Stores:
    return Stores(made.engine, made.client, KEYS)


def ended(made: Stage) -> None:
    """The voting time ends now."""
    with transaction(made.engine) as connection:
        connection.execute(
            text("UPDATE contests SET closes_at = now() - interval '1 s', version = version + 1 WHERE id = :id"),
            {"id": made.contest_id},
        )


def run(made: Stage, **options: Any) -> Result:
    return close_out(stores(made), made.contest_id, ASKED, LAN, **options)


def kept(made: Stage) -> Result | None:
    with transaction(made.engine) as connection:
        return find_result(connection, made.contest_id)


def audited(made: Stage) -> list[str]:
    return [action for (action,) in made.rows("SELECT action FROM audit WHERE action <> 'contest.import' ORDER BY id")]


def states(made: Stage) -> set[str]:
    return {steer.pulse(made.client, made.keys(shard)).state for shard in range(made.shards)}


def test_from_the_last_vote_to_signed_minutes(voted: Stage) -> None:
    ended(voted)
    result = run(voted)
    assert (voted.contest.state, states(voted)) == ("final", {"final"})
    document = verify(result.minutes.encode(), result.signature, public_key(KEYS, voted.contest_id))
    assert canonical(document) == result.minutes
    totals = document["totals"]
    assert (totals["received"], totals["voided"], totals["counted"], totals["voters"]) == (12, 0, 12, 12)
    assert [(one["place"], one["entry_id"], one["votes"], one["tied"]) for one in document["ranking"]] == [
        (1, 1, 5, True),
        (1, 2, 5, True),
        (3, 3, 2, False),
    ]
    assert [len(category["ranking"]) for category in document["categories"]] == [3]
    assert document["received_by_proof"] == [{"proof": "minted", "votes": 12}]
    assert (document["closed"]["by"], document["closed"]["early"], document["number"]) == ("lan", "", "12/BB-BTC")
    assert result.pdf.startswith(b"%PDF-")
    with Export(voted.engine, votes_query(KEYS, voted.contest_id)) as export:
        content = b"".join(iter(export.read, b""))
    assert document["votes_export"] == {"sha256": hashlib.sha256(content).hexdigest(), "rows": 12}
    assert audited(voted) == ["contest.finalise", "result.make"]


def test_what_is_final_takes_nothing_more(voted: Stage) -> None:
    voter = voted.cast_many(1)[0]
    ended(voted)
    result = run(voted)
    epoch = voted.contest.epoch
    assert voted.cast((77, 1)) == [Outcome.CLOSED]
    assert voted.cast(voter) == [Outcome.ALREADY_VOTED]
    assert steer.void(voted.client, voted.keys(), epoch, [voter], "muộn") == "r"
    assert steer.restore(voted.client, voted.keys(), epoch, [voter], "muộn") == "r"
    assert voted.open_accounts(99) == "f"
    with transaction(voted.engine) as connection:  # whoever decides otherwise later is not heard
        decide_state(connection, voted.contest_id, "open")
    assert bring(voted.engine, voted.client, voted.contest)
    assert states(voted) == {"final"}
    books = compare(voted.engine, voted.client, voted.contest)
    assert (books.pending, books.parked, books.drift) == (0, 0, 0)
    assert kept(voted) == result


def test_before_its_end_it_needs_a_reason(voted: Stage) -> None:
    with pytest.raises(CloseOutRefusedError) as refused:
        run(voted)
    assert refused.value.refusal is Refusal.NOT_OVER
    assert (voted.contest.state, states(voted)) == ("open", {"open"})
    assert voted.cast((77, 1)) == [Outcome.COUNTED]
    result = run(voted, early=WHY)
    assert result.document["closed"]["early"] == WHY
    (end,) = result.document["voting_changes"]
    assert (end["by"], end["what"], end["why"]) == ("lan", "ended", WHY)
    assert result.document["totals"]["counted"] == 13
    assert audited(voted) == ["contest.end_early", "contest.finalise", "result.make"]


def test_a_paused_contest_ends_too(voted: Stage) -> None:
    voted.pause()
    ended(voted)
    assert run(voted).document["totals"]["counted"] == 12


def test_voids_stand_with_their_reasons_and_change_places(voted: Stage) -> None:
    (voter,) = voted.cast_many(1, 3)
    others = voted.rows("SELECT 1 FROM votes")
    assert others == []
    steer.void(voted.client, voted.keys(), voted.contest.epoch, [voter], "Đăng ký hàng loạt")
    ended(voted)
    document = run(voted).document
    assert document["voided_by_reason"] == [{"reason": "Đăng ký hàng loạt", "votes": 1}]
    assert (document["totals"]["received"], document["totals"]["voided"], document["totals"]["counted"]) == (13, 1, 12)


def test_a_withdrawn_entry_has_votes_and_no_place(voted: Stage) -> None:
    with transaction(voted.engine) as connection:
        connection.execute(text("UPDATE entries SET state = 'withdrawn' WHERE id = 1"))
    ended(voted)
    document = run(voted).document
    assert [one["entry_id"] for one in document["ranking"]] == [2, 3]
    assert document["withdrawn"] == [{"entry_id": 1, "title": "Bài 1", "votes": 5}]
    assert document["totals"]["counted_for_withdrawn_entries"] == 5


def test_several_shards_are_closed_together(box: str, database: str) -> None:
    with stage(box, database, shards=3) as made:
        for account in range(1, 31):
            assert made.cast((account, 1 + account % 3)) == [Outcome.COUNTED]
        ended(made)
        result = run(made)
        assert states(made) == {"final"}
        assert [one["votes"] for one in result.document["ranking"]] == [10, 10, 10]
        assert {one["place"] for one in result.document["ranking"]} == {1}


def parked(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO parked_events (contest_id, shard, log_ms, log_seq, packed, change, reason)"
                " VALUES (:id, 0, 1, 0, '', 0, 'thử')"
            ),
            {"id": made.contest_id},
        )


def drifted(made: Stage) -> None:
    made.client.hincrby(made.keys().tally, "1", 1)


def only_in_a_ballot(made: Stage) -> None:
    """Rows and ballots differ while the tallies agree: only the proof sees it."""
    made.client.sadd(made.keys().ballot + "4711", 1)


def correction_waits(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO corrections (contest_id, action, criteria, reason, state, proposed_name, proposed_role)"
                " VALUES (:id, 'void', '{}', 'thử', 'approved', 'lan', 'admin')"
            ),
            {"id": made.contest_id},
        )


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (parked, Refusal.PARKED),
        (drifted, Refusal.DRIFT),
        (only_in_a_ballot, Refusal.PROOF),
        (correction_waits, Refusal.CORRECTIONS),
    ],
)
def test_what_does_not_agree_leaves_it_closed(voted: Stage, spoil: Any, refusal: Refusal) -> None:
    spoil(voted)
    ended(voted)
    with pytest.raises(CloseOutRefusedError) as refused:
        run(voted)
    assert refused.value.refusal is refusal
    assert "%" not in refused.value.sentence
    assert (voted.contest.state, states(voted), kept(voted)) == ("closed", {"closed"}, None)


def test_after_a_repair_it_goes_on(voted: Stage) -> None:
    drifted(voted)
    ended(voted)
    with pytest.raises(CloseOutRefusedError):
        run(voted)
    voted.repair()
    assert run(voted).document["totals"]["counted"] == 12


def test_another_identity_key_makes_no_minutes(voted: Stage) -> None:
    ended(voted)
    other = Stores(voted.engine, voted.client, KeyRing("another", ("x",)))
    with pytest.raises(CloseOutRefusedError) as refused:
        close_out(other, voted.contest_id, ASKED, LAN)
    assert refused.value.refusal is Refusal.OTHER_KEY


# Rows of the crash table.


def die(*_args: Any, **_more: Any) -> Any:
    raise Died


@pytest.mark.parametrize("place", ["_refuse_corrections", "_settle", "_prove", "_decide_final"])
def test_dies_before_the_decision_and_runs_again(voted: Stage, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    ended(voted)
    with monkeypatch.context() as patched:
        patched.setattr(steps, place, die)
        with pytest.raises(Died):
            run(voted)
    assert (voted.contest.state, kept(voted)) == ("closed", None)
    assert run(voted).document["totals"]["counted"] == 12


def test_dies_before_the_box_is_told_and_the_ticker_brings_it(voted: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(voted)
    with monkeypatch.context() as patched:
        patched.setattr(steps, "_freeze", die)
        with pytest.raises(Died):
            run(voted)
    assert (voted.contest.state, states(voted)) == ("final", {"closed"})
    assert voted.open_accounts(99) == "o"  # the box still takes a login: the next run has it in the ledger
    assert bring(voted.engine, voted.client, voted.contest)
    assert states(voted) == {"final"}
    result = run(voted)
    assert result.document["totals"]["accounts"] == 1


def test_dies_with_one_shard_told_and_the_others_follow(
    box: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(box, database, shards=2) as made:
        made.cast((2, 1))
        made.cast((3, 1))
        ended(made)
        apply = steer.apply

        def only_the_first(client: Any, keys: Any, decisions: Any) -> Any:
            if decisions.state == "final" and keys == made.keys(1):
                raise Died
            return apply(client, keys, decisions)

        with monkeypatch.context() as patched:
            patched.setattr(steer, "apply", only_the_first)
            with pytest.raises(Died):
                run(made)
        assert states(made) == {"final", "closed"}
        assert kept(made) is None
        assert run(made).document["totals"]["counted"] == 2
        assert states(made) == {"final"}


@pytest.mark.parametrize(
    ("module", "place"),
    [
        (steps, "_ends"),
        (steps, "digest_votes"),
        (steps, "keep_minutes"),
        (close_out_minutes, "minutes_pdf"),
        (close_out_minutes, "keep_result"),
    ],
)
def test_dies_after_final_before_the_minutes_stand(
    voted: Stage, monkeypatch: pytest.MonkeyPatch, module: ModuleType, place: str
) -> None:
    ended(voted)
    once = getattr(module, place)
    calls: list[int] = []

    def second(*args: Any, **more: Any) -> Any:
        if place == "_ends" and len(calls) < 1:  # the first is in the proof, before the decision
            calls.append(1)
            return once(*args, **more)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(module, place, second)
        with pytest.raises(Died):
            run(voted)
    assert (voted.contest.state, kept(voted)) == ("final", None)
    result = run(voted)
    assert result.document["totals"]["counted"] == 12
    assert audited(voted) == ["contest.finalise", "result.make"]


def test_run_again_gives_the_same_minutes(voted: Stage) -> None:
    ended(voted)
    first = run(voted)
    again = close_out(stores(voted), voted.contest_id, Asked("99/KHÁC"), Actor("khác"))
    assert again == first
    assert audited(voted) == ["contest.finalise", "result.make"]


def test_the_box_is_away_at_the_freeze(voted: Stage) -> None:
    ended(voted)
    away = box_client("unix:///nonexistent/box.sock", timeout=0.2)

    def until_the_freeze(number: int) -> None:
        if number == 4:
            voted_stores.box = away

    class Moving:
        engine, box, keys = voted.engine, voted.client, KEYS

    voted_stores: Any = Moving()
    with pytest.raises(BoxAway):
        close_out(voted_stores, voted.contest_id, ASKED, LAN, step=until_the_freeze)
    assert (voted.contest.state, states(voted), kept(voted)) == ("final", {"closed"}, None)
    assert run(voted).document["totals"]["counted"] == 12
    assert states(voted) == {"final"}
    away.close()


def test_events_between_proof_and_freeze_are_proven_too(voted: Stage) -> None:
    (voter,) = voted.cast_many(1)
    ended(voted)
    proofs: list[int] = []
    proof = steps._prove

    def counted(*args: Any) -> Any:
        proofs.append(1)
        return proof(*args)

    def void_late(number: int) -> None:
        if number == 4:
            steer.void(voted.client, voted.keys(), voted.contest.epoch, [voter], "muộn")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "_prove", counted)
        document = run(voted, step=void_late).document
    assert (document["totals"]["voided"], len(proofs)) == (1, 2)


# What reaches the minutes may not be changed.


@pytest.fixture
def result(voted: Stage) -> Result:
    ended(voted)
    return run(voted)


def test_changed_minutes_are_told(result: Result) -> None:
    minutes = result.minutes.encode()
    for changed in (
        minutes.replace(b'"votes":5', b'"votes":6', 1),
        minutes + b"\n",
        minutes[:-1],
        b"{}",
        b"\xff",
    ):
        with pytest.raises(MinutesError):
            verify(changed, result.signature)
    with pytest.raises(MinutesError):
        verify(minutes, bytes(64))
    with pytest.raises(MinutesError):
        verify(minutes, result.signature, public_key(KEYS, 999))
    assert verify(minutes, result.signature)["number"] == "12/BB-BTC"
    assert sha256(result.minutes) == hashlib.sha256(minutes).hexdigest()


def test_the_window_may_be_over_by_the_box_alone(box: str, database: str) -> None:
    """The ledger says open, the box's clock says over: nobody has pressed anything."""
    now = datetime.now(UTC).replace(microsecond=0)
    with stage(box, database, opens_at=now - timedelta(hours=2), closes_at=now - timedelta(hours=1)) as made:
        assert made.contest.state == "open"
        assert run(made).document["totals"]["received"] == 0
        with redis.Redis.from_url(box) as client:
            assert client.hget(made.keys().contest, "state") == b"final"

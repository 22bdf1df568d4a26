"""What the minutes tell of the voting time: every decision once voting had begun, once each, in its order."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from models.audit import SYSTEM, Actor, audit
from models.contest_import import import_contest
from models.contest_window import move_window
from models.database import transaction
from models.decisions import PAUSING, bring, note_pause, pause_box, resume
from models.times import milliseconds, rfc3339_of
from models.voting_changes import early_end, voting_changes
from tests.workers.contests import KEYS, Stage, contest_file

LAN = Actor("lan", 1)
H = timedelta(hours=1)


def told(made: Stage) -> list[dict[str, Any]]:
    with transaction(made.engine) as connection:
        return voting_changes(connection, made.contest)


def move(made: Stage, closes_at: datetime, why: str) -> None:
    with transaction(made.engine) as connection:
        contest = made.contest
        now = contest.opens_at + H / 2
        move_window(connection, contest, contest.opens_at, closes_at, LAN, why=why, now=now)


def line(made: Stage, at: datetime, action: str, why: str = "", actor: Actor = LAN, **values: Any) -> None:
    """As `audit.record` writes it, at a moment of the past."""
    said = {"operator": actor.name, "contest_id": made.contest_id, "action": action, "why": why}
    with transaction(made.engine) as connection:
        connection.execute(insert(audit).values(at=at, **said, **values))


def moved(before: datetime, after: datetime) -> dict[str, Any]:
    return {"before": {"opens_at": before.isoformat()}, "after": {"opens_at": after.isoformat()}}


def test_moving_the_end_is_told_with_its_reason(open_contest: Stage) -> None:
    first = open_contest.contest.closes_at
    move(open_contest, first - H, "Mất điện")
    (one,) = changes = told(open_contest)
    assert (one["by"], one["what"], one["why"]) == ("lan", "window", "Mất điện")
    assert (one["from"], one["to"]) == ({"closes_at": rfc3339_of(first)}, {"closes_at": rfc3339_of(first - H)})
    assert early_end(changes) == "Mất điện"
    move(open_contest, first + H, "Bù giờ")
    assert [one["why"] for one in told(open_contest)] == ["Mất điện", "Bù giờ"]
    assert early_end(told(open_contest)) == ""


def test_a_contest_file_that_moves_it_is_told(open_contest: Stage) -> None:
    first = open_contest.contest
    file = contest_file(opens_at=first.opens_at, closes_at=first.closes_at - H)
    with transaction(open_contest.engine) as connection:
        import_contest(connection, file, KEYS.fingerprint())
    (one,) = told(open_contest)
    assert (one["by"], one["to"]) == ("binhchon import-contest", {"closes_at": rfc3339_of(first.closes_at - H)})


def test_a_pause_is_told_once(open_contest: Stage) -> None:
    """The log has it twice: by who decided it, and by the box."""
    pause_box(open_contest.client, open_contest.contest_id, open_contest.shards)
    with transaction(open_contest.engine) as connection:
        note_pause(connection, open_contest.contest, LAN, "Xem lại máy chủ")
    assert bring(open_contest.engine, open_contest.client, open_contest.contest)
    assert resume(open_contest.engine, open_contest.client, open_contest.contest, LAN, "Xong")
    open_contest.pause()
    assert [(one["by"], one["what"], one["why"]) for one in told(open_contest)] == [
        ("lan", "paused", "Xem lại máy chủ"),
        ("lan", "resumed", "Xong"),
        (SYSTEM.name, "paused", ""),
    ]


def test_only_what_came_after_voting_began(open_contest: Stage) -> None:
    opens = open_contest.contest.opens_at
    line(open_contest, opens - 9 * H, "contest.window", "sớm hơn", **moved(opens + H, opens + 2 * H))
    assert told(open_contest) == []
    line(open_contest, opens - 3 * H, "contest.window", "ngay bây giờ", **moved(opens + 2 * H, opens - 3 * H))
    line(open_contest, opens - 2 * H, "contest.window", "ngừng", **moved(opens - 3 * H, opens))
    assert [one["why"] for one in told(open_contest)] == ["ngay bây giờ", "ngừng"]


def test_what_was_written_down_later_stands_where_it_was_decided(open_contest: Stage) -> None:
    began = open_contest.contest.opens_at
    line(open_contest, began + H / 4, PAUSING, "Xong", after={"state": "open"})
    late = {"state": "paused", "late": "x", "decided_at": milliseconds(began + H / 8)}
    line(open_contest, began + H / 2, PAUSING, "Sổ phiếu mất liên lạc", after=late)
    assert [one["what"] for one in told(open_contest)] == ["paused", "resumed"]
    assert told(open_contest)[0]["at"] == rfc3339_of(began + H / 8)

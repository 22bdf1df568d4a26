"""Which contest a page is about, and whether what was decided about it is in effect."""

from typing import Literal

from api.numbers import whole
from api.operators.access import ConsoleProblem
from api.operators.console import Console
from api.operators.language import N_
from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused
from models.contest import Contest, UnknownContestError, all_contests, contest_by_id
from models.database import Connection
from models.decisions import in_force

Effect = Literal["draft", "in_force", "waiting"]


def chosen_contest(console: Console, connection: Connection, wanted: str = "") -> Contest:
    """The contest with the id `wanted`; without one the current contest, or the newest draft where nothing is live.

    Errors: ConsoleProblem (404).
    """
    try:
        if wanted:
            return contest_by_id(connection, whole(wanted) or 0)
        try:
            return console.contest(connection)
        except UnknownContestError:
            known = all_contests(connection)
            if not known:
                raise
            return known[0]
    except UnknownContestError:
        raise ConsoleProblem(
            404,
            N_("Không có cuộc thi này.") if wanted else N_("Chưa có cuộc thi nào. Quản trị viên hãy tạo một cuộc thi."),
        ) from None


def current_contest(console: Console, connection: Connection) -> Contest:
    """The contest that this installation serves. Errors: ConsoleProblem (404)."""
    try:
        return console.contest(connection)
    except UnknownContestError:
        raise ConsoleProblem(404, N_("Chưa có cuộc thi nào trong hòm phiếu.")) from None


def effect_of(console: Console, contest: Contest) -> Effect:
    """`in_force`: every shard of the box has all decisions, so every API process has them within a second."""
    if contest.draft:
        return "draft"
    try:
        return "in_force" if in_force(console.box, contest) else "waiting"
    except (BoxAway, BoxFull, BoxRefused):
        return "waiting"

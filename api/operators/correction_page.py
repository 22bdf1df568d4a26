"""The page of one correction: what it will do to exactly which votes, how far it is, what became of it."""

from fastapi import Response

from api.operators.access import Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.correction_form import ACTIONS
from api.operators.correction_words import STATES, in_words
from api.operators.language import N_
from api.operators.signal_limits import spelled
from models.contest import Contest, contest_by_id, votable_entries
from models.correction import Correction, find_correction, undone_by
from models.correction_votes import Numbers, numbers_now
from models.database import Connection
from models.finding import titles_of
from models.ranking import Move, effect
from models.receipt import Receipts
from models.task import find_task

_NO_CORRECTION = N_("Không có đề nghị này.")


def found_correction(connection: Connection, correction_id: int, *, lock: bool = False) -> tuple[Correction, Contest]:
    """Errors: ConsoleProblem (404)."""
    found = find_correction(connection, correction_id, lock=lock)
    if found is None:
        raise ConsoleProblem(404, _NO_CORRECTION)
    return found, contest_by_id(connection, found.contest_id)


def correction_page(
    console: Console, acting: Acting, correction_id: int, *, status: int = 200, faults: dict[str, str] | None = None
) -> Response:
    with console.ledger() as connection:
        correction, contest = found_correction(connection, correction_id)
        numbers = Numbers.read(correction.numbers) if correction.numbers else None
        now = numbers_now(connection, correction) if correction.state == "proposed" else None
        titles = titles_of(connection, contest.id)
        published = votable_entries(connection, contest.id)
        back = undone_by(connection, correction_id)
        task = find_task(connection, correction.task_id) if correction.task_id else None
    shown = now or numbers
    result = correction.result or {}
    return console.page(
        acting,
        "correction.html",
        status=status,
        contest=contest,
        correction=correction,
        words=in_words(acting, correction, titles, Receipts(console.keys, contest.id)),
        state=STATES[correction.state],
        states=STATES,
        actions=ACTIONS,
        numbers=numbers,
        now=now,
        shown=shown,
        share=spelled(acting, round(100 * shown.share, 1)) if shown else "",
        moves=_moves(correction, shown, published) if shown else [],
        titles=titles,
        back=back,
        task=task,
        failed=task is not None and task.state == "failed" and correction.state in {"counting", "approved", "running"},
        result=result,
        own=correction.proposed_by == acting.operator.operator_id,
        faults=faults or {},
        typed={name: acting.text(name) for name in ("reason", "reason_en", "note", "decision_note", "confirmation")},
    )


def _moves(correction: Correction, numbers: Numbers, published: list[int]) -> list[Move]:
    """What it does to the ranking: entries whose votes or places change."""
    before = {entry: numbers.counted.get(entry, 0) for entry in {*published, *numbers.by_entry}}
    moves = effect(before, numbers.change(correction.action))
    return [one for one in moves if one.votes_before != one.votes_after or one.place_before != one.place_after]

"""One correction: the second operator's decision, stopping it, turning it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.correction_form import NOTE_LENGTH, read_reasons
from api.operators.correction_page import correction_page, found_correction
from api.operators.corrections import IS_FINAL, PATH, write_proposal
from api.operators.language import N_
from api.voters.responses import see_other
from models import task as tasks
from models.approver import let_in_since
from models.audit import record
from models.contest import Contest
from models.correction import ContestFinalError, Correction, Proposal, approve, give_task, reject
from models.correction_votes import numbers_now
from models.database import Connection
from models.operator import Role
from models.task import find_task

RUN = "correction.run"
_DECIDED = N_("Đề nghị này đã được quyết định rồi.")
_OWN = N_("Người đề nghị không tự phê duyệt được: cần một quản trị viên khác.")
_NEW = N_(
    "Tài khoản của bạn được lập, nâng quyền, mở lại hoặc đặt lại sau khi có đề nghị này, nên không duyệt được: cần một"
    " quản trị viên khác."
)
_OTHERS = N_("Chỉ người đề nghị hoặc quản trị viên bác bỏ được đề nghị.")
_STOPPED_BY_OTHERS = N_("Chỉ người đề nghị hoặc quản trị viên dừng được việc này.")
_CHANGED = N_("Số phiếu đã thay đổi từ lúc bạn mở trang. Hãy xem lại số mới, rồi phê duyệt lần nữa.")
_NONE_LEFT = N_("Không còn phiếu nào để thay đổi.")
_TYPE_IT = N_("Số lượng lớn: hãy gõ đúng số phiếu (%(votes)s) để xác nhận.")
_NOT_UNDOABLE = N_("Đề nghị này chưa thay đổi phiếu nào, hoặc chưa kết thúc.")
_NOT_RUNNING = N_("Đề nghị này không ở trạng thái làm được việc đó.")


def correction_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{correction_id:int}")
    def show(acting: Annotated[Acting, MODERATOR], correction_id: int) -> Response:
        return correction_page(console, acting, correction_id)

    @router.post(PATH + "/{correction_id:int}/approve")
    def approves(acting: Annotated[Acting, ADMIN], correction_id: int) -> Response:
        return _approve(console, acting, correction_id)

    @router.post(PATH + "/{correction_id:int}/reject")
    def rejects(acting: Annotated[Acting, MODERATOR], correction_id: int) -> Response:
        return _reject(console, acting, correction_id)

    @router.post(PATH + "/{correction_id:int}/cancel")
    def cancel(acting: Annotated[Acting, MODERATOR], correction_id: int) -> Response:
        return _go_on(console, acting, correction_id, "cancel")

    @router.post(PATH + "/{correction_id:int}/resume")
    def resume(acting: Annotated[Acting, ADMIN], correction_id: int) -> Response:
        return _go_on(console, acting, correction_id, "resume")

    @router.post(PATH + "/{correction_id:int}/undo")
    def undo(acting: Annotated[Acting, MODERATOR], correction_id: int) -> Response:
        return _undo(console, acting, correction_id)

    return router


def _approve(console: Console, acting: Acting, correction_id: int) -> Response:
    """The numbers that stood on the page must be those of now."""
    task_id = 0
    with console.ledger() as connection:
        correction, contest = found_correction(connection, correction_id, lock=True)
        _may_be_approved(connection, acting, correction, contest)
        votes = numbers_now(connection, correction).votes
        faults = _faults(acting, correction, votes)
        if not faults:
            note = acting.text("decision_note", limit=NOTE_LENGTH)
            try:
                approve(connection, correction, acting.actor, acting.operator.role, note=note)
            except ContestFinalError:  # since the page was opened
                raise ConsoleProblem(409, IS_FINAL) from None
            after = {"votes": votes, "proposed_by": correction.proposed_name}
            _write_down(connection, acting, correction, "approve", after, note)
            task_id = _task(connection, acting, correction)
    if faults:
        return correction_page(console, acting, correction_id, status=422, faults=faults)
    console.nudge(task_id)
    return see_other(f"{PATH}/{correction_id}")


def _reject(console: Console, acting: Acting, correction_id: int) -> Response:
    """By an admin; or by who proposed it, who takes it back."""
    with console.ledger() as connection:
        correction, _contest = found_correction(connection, correction_id, lock=True)
        if not _is_theirs(acting, correction):
            raise ConsoleProblem(409, _OTHERS)
        note = acting.text("decision_note", limit=NOTE_LENGTH)
        if not reject(connection, correction.id, acting.actor, acting.operator.role, note=note):
            raise ConsoleProblem(409, _DECIDED)
        _write_down(connection, acting, correction, "reject", why=note)
    return see_other(f"{PATH}/{correction_id}")


def _go_on(console: Console, acting: Acting, correction_id: int, verb: str) -> Response:
    """Lets one go on whose task has failed (`resume`), or stops it (`cancel`): what was changed stays, and can be
    turned back. What two have decided is not for any third to stop.
    """
    with console.ledger() as connection:
        correction, _contest = found_correction(connection, correction_id, lock=True)
        if not _is_theirs(acting, correction):
            raise ConsoleProblem(409, _STOPPED_BY_OTHERS)
        task = find_task(connection, correction.task_id) if correction.task_id else None
        if correction.state not in {"approved", "running"} or task is None:
            raise ConsoleProblem(409, _NOT_RUNNING)
        task_id = _task(connection, acting, correction) if task.ended else task.id
        if verb == "cancel":
            tasks.ask_to_stop(connection, task_id)
        _write_down(connection, acting, correction, verb)
    console.nudge(task_id)
    return see_other(f"{PATH}/{correction_id}")


def _undo(console: Console, acting: Acting, correction_id: int) -> Response:
    """Proposes to turn back exactly what it has changed."""
    faults: dict[str, str] = {}
    made = task_id = 0
    with console.ledger() as connection:
        correction, contest = found_correction(connection, correction_id)
        if not correction.undoable:
            raise ConsoleProblem(409, _NOT_UNDOABLE)
        if contest.state == "final":
            raise ConsoleProblem(409, IS_FINAL)
        reasons = read_reasons(acting, faults)
        if not faults:
            action = "restore" if correction.voids else "void"
            proposal = Proposal(action, {}, *reasons, undoes=correction.id)
            made, task_id = write_proposal(connection, acting, contest, proposal)
    if faults:
        return correction_page(console, acting, correction_id, status=422, faults=faults)
    console.nudge(task_id)
    return see_other(f"{PATH}/{made}")


def _is_theirs(acting: Acting, correction: Correction) -> bool:
    """Whether who acts has proposed it, or is an admin."""
    return acting.may(Role.ADMIN) or correction.proposed_by == acting.operator.operator_id


def _may_be_approved(connection: Connection, acting: Acting, correction: Correction, contest: Contest) -> None:
    """Errors: ConsoleProblem (409)."""
    if correction.state != "proposed":
        raise ConsoleProblem(409, _DECIDED)
    if correction.proposed_by == acting.operator.operator_id:
        raise ConsoleProblem(409, _OWN)
    if let_in_since(connection, acting.operator.operator_id, correction.proposed_at):
        raise ConsoleProblem(409, _NEW)
    if contest.state == "final":
        raise ConsoleProblem(409, IS_FINAL)


def _faults(acting: Acting, correction: Correction, votes: int) -> dict[str, str]:
    """What stands against approving it at this moment."""
    if not votes:
        return {"": acting.say(_NONE_LEFT)}
    if acting.text("expected") != str(votes):
        return {"": acting.say(_CHANGED)}
    if correction.large and "".join(filter(str.isdigit, acting.text("confirmation"))) != str(votes):
        return {"confirmation": acting.say(_TYPE_IT, votes=acting.language.number(votes))}
    return {}


def _task(connection: Connection, acting: Acting, correction: Correction) -> int:
    payload = {"correction": correction.id}
    task_id = tasks.ask(connection, RUN, payload, acting.actor, contest_id=correction.contest_id)
    give_task(connection, correction.id, task_id)
    return task_id


def _write_down(
    connection: Connection,
    acting: Acting,
    correction: Correction,
    verb: str,
    after: dict[str, Any] | None = None,
    why: str = "",
) -> None:
    subject = f"correction:{correction.id}"
    record(
        connection, acting.actor, f"correction.{verb}", subject, contest_id=correction.contest_id, after=after, why=why
    )

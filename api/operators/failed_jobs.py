"""Background jobs that broke: what they said, and to run them again or take them off the list."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, MODERATOR, VIEWER, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.language import N_
from api.voters.responses import see_other
from models.audit import record
from models.jobs import FailedJob, failed_jobs, find_failed, take_away_failed

PATH = "/operator/jobs"
NAMES = {
    "workers.jobs.flush": N_("Ghi phiếu vào sổ"),
    "workers.jobs.reconcile": N_("Đối chiếu hòm và sổ"),
    "workers.jobs.prove": N_("Chứng minh số phiếu"),
    "workers.jobs.repair": N_("Sửa sổ"),
    "workers.jobs.send_codes": N_("Gửi mã đăng nhập"),
    "workers.jobs.store_claims": N_("Ghi các báo mất phiếu"),
    "workers.jobs.run_task": N_("Việc được yêu cầu ở bàn điều hành"),
}
"""Jobs in words; others are named by their path."""


def failed_jobs_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def listed(acting: Annotated[Acting, VIEWER], done: str = "") -> Response:
        return console.page(acting, "failed_jobs.html", jobs=failed_jobs(console.scratch), names=NAMES, done=done)

    @router.post(PATH + "/again")
    def again(acting: Annotated[Acting, MODERATOR]) -> Response:
        """Every job is a nudge: to run it twice does no harm."""
        return _take_away(acting, "again", lambda job: take_away_failed(console.scratch, job, again=True))

    @router.post(PATH + "/delete")
    def delete(acting: Annotated[Acting, ADMIN]) -> Response:
        return _take_away(acting, "delete", lambda job: take_away_failed(console.scratch, job, again=False))

    def _take_away(acting: Acting, verb: str, act: Callable[[FailedJob], None]) -> Response:
        """The line of the audit log is committed last: what scratch refused to do is not in it."""
        job = find_failed(console.scratch, acting.text("job", limit=100))
        if job is None:
            raise ConsoleProblem(404, N_("Việc này không còn trong danh sách."))
        with console.ledger() as connection:
            about = {"job": job.path, "queue": job.queue, "args": list(job.args)}
            record(connection, acting.actor, f"job.{verb}", f"job:{job.id}", before=about)
            act(job)
        return see_other(f"{PATH}?done={verb}")

    return router

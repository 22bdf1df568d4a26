"""Corrections at the console: the list, and the form that proposes one. One correction is `correction.py`."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.numbers import whole
from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.correction_form import ACTIONS, PROOFS, Form, of_cluster, read_form
from api.operators.correction_words import STATES
from api.operators.effect import current_contest
from api.operators.language import N_
from api.voters.responses import see_other
from models import task as tasks
from models.audit import record
from models.cluster import decide as decide_cluster
from models.cluster import find_cluster
from models.contest import Contest
from models.correction import ContestFinalError, Proposal, corrections_of, give_task, propose
from models.correction_criteria import without_evidence
from models.database import Connection
from models.event import MAX_ACCOUNT
from models.finding import titles_of
from models.receipt import Receipts

PATH = "/operator/corrections"
COUNT = "correction.count"
IS_FINAL = N_("Kết quả cuộc thi đã chốt: không loại và không khôi phục phiếu được nữa.")


def corrections_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def corrections(acting: Annotated[Acting, MODERATOR]) -> Response:
        with console.ledger() as connection:
            contest = current_contest(console, connection)
            found = corrections_of(connection, contest.id)
        return console.page(acting, "corrections.html", contest=contest, found=found, states=STATES, actions=ACTIONS)

    @router.get(PATH + "/new")
    def new(acting: Annotated[Acting, MODERATOR], cluster: str = "", account: str = "") -> Response:
        """`cluster`, `account`: numbers that a page of the console links with."""
        with console.ledger() as connection:
            contest = current_contest(console, connection)
            form = of_cluster(connection, contest, cluster)
            if whole(account, MAX_ACCOUNT) is not None:
                form.typed["accounts"] = account
            titles = titles_of(connection, contest.id)
        return _form(console, acting, contest, titles, form)

    @router.post(PATH)
    def proposes(acting: Annotated[Acting, MODERATOR]) -> Response:
        with console.ledger() as connection:
            contest = current_contest(console, connection)
            form = read_form(acting, connection, contest, Receipts(console.keys, contest.id))
            if contest.state == "final":
                form.faults[""] = acting.say(IS_FINAL)
            if form.proposal is not None and not form.faults:
                correction_id, task_id = write_proposal(connection, acting, contest, form.proposal)
            titles = titles_of(connection, contest.id)
        if form.proposal is None or form.faults:
            return _form(console, acting, contest, titles, form, status=422)
        console.nudge(task_id)
        return see_other(f"{PATH}/{correction_id}")

    return router


def write_proposal(connection: Connection, acting: Acting, contest: Contest, proposal: Proposal) -> tuple[int, int]:
    """Writes it down with its audit line and the task of its dry run. Returns the ids of both.

    Errors: ConsoleProblem (409) where the contest has become final meanwhile.
    """
    try:
        correction_id = propose(connection, contest.id, proposal, acting.actor, acting.operator.role)
    except ContestFinalError:
        raise ConsoleProblem(409, IS_FINAL) from None
    task_id = tasks.ask(connection, COUNT, {"correction": correction_id}, acting.actor, contest_id=contest.id)
    give_task(connection, correction_id, task_id)
    told = vars(proposal) | {"criteria": without_evidence(proposal.criteria)}
    after = {name: value for name, value in told.items() if value and name != "note"}
    record(
        connection,
        acting.actor,
        "correction.propose",
        f"correction:{correction_id}",
        contest_id=contest.id,
        after=after,
        why=proposal.note,
    )
    number = proposal.criteria.get("cluster")
    cluster = find_cluster(connection, number, lock=True) if number else None
    if cluster is not None and cluster.state != "handed":
        decide_cluster(connection, cluster, "handed", acting.actor.name, f"#{correction_id}")
        record(
            connection,
            acting.actor,
            "cluster.hand",
            f"cluster:{cluster.id}",
            contest_id=contest.id,
            before={"state": cluster.state},
            after={"state": "handed", "correction": correction_id},
        )
    return correction_id, task_id


def _form(
    console: Console, acting: Acting, contest: Contest, titles: dict[int, str], form: Form, status: int = 200
) -> Response:
    return console.page(
        acting,
        "correction_new.html",
        status=status,
        contest=contest,
        titles=titles,
        form=form,
        actions=ACTIONS,
        all_proofs=[(str(int(proof)), words) for proof, words in PROOFS.items()],
    )

"""One cluster: its evidence, its picture, its effect on the ranking, and what an operator decides about it."""

from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.cluster_picture import HEIGHT, WIDTH, picture_of
from api.operators.console import Console
from api.operators.language import N_
from api.operators.signal_limits import spelled
from api.operators.signal_words import HASTE, MEANINGS, SIGNALS, STATES
from api.operators.signals import PATH, state_of
from api.voters.responses import see_other
from models.audit import record
from models.cluster import Cluster, decide, find_cluster, waiting
from models.correction import of_clusters
from models.database import Connection
from models.finding import titles_of
from models.ranking import Move, effect
from models.scratch.connection import ScratchAway
from models.scratch.status import write_status
from models.signals.kinds import Signal
from models.tally import contest_tallies

log = structlog.get_logger()

LONGEST_REASON = 500
_NO_CLUSTER = N_("Không có cụm này.")
_NO_REASON = N_("Hãy viết lý do bỏ qua.")
_LONG_REASON = N_("Lý do dài quá %(most)s ký tự.")
_TOLD = N_(
    "Trong lúc bạn đang viết, cụm này đã thay đổi (có người khác quyết định, hoặc cụm lớn thêm). Chưa có gì được ghi;"
    " hãy xem lại rồi quyết định. Những gì bạn đã viết vẫn còn."
)


def clusters_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/clusters/{cluster_id:int}")
    def cluster(acting: Annotated[Acting, MODERATOR], cluster_id: int) -> Response:
        return _page(console, acting, cluster_id)

    @router.post(PATH + "/clusters/{cluster_id:int}/dismiss")
    def dismiss(acting: Annotated[Acting, MODERATOR], cluster_id: int) -> Response:
        reason = acting.text("reason")
        if not reason or len(reason) > LONGEST_REASON:
            fault = acting.say(_NO_REASON) if not reason else acting.say(_LONG_REASON, most=LONGEST_REASON)
            return _page(console, acting, cluster_id, status=422, faults={"reason": fault}, reason=reason)
        if not _decide(console, acting, cluster_id, "dismissed", reason):
            told = {"": acting.say(_TOLD)}
            return _page(console, acting, cluster_id, status=409, faults=told, reason=reason)
        return see_other(f"{PATH}/clusters/{cluster_id}")

    @router.post(PATH + "/clusters/{cluster_id:int}/reopen")
    def reopen(acting: Annotated[Acting, MODERATOR], cluster_id: int) -> Response:
        if not _decide(console, acting, cluster_id, "new", ""):
            return _page(console, acting, cluster_id, status=409, faults={"": acting.say(_TOLD)})
        return see_other(f"{PATH}/clusters/{cluster_id}")

    return router


def _decide(console: Console, acting: Acting, cluster_id: int, state: str, reason: str) -> bool:
    """False where the cluster is not any more as the operator's page showed it."""
    with console.ledger() as connection:
        cluster = _find(connection, cluster_id, lock=True)
        if acting.text("seen", limit=50) != seen(cluster):
            return False
        decide(connection, cluster, state, acting.actor.name, reason)
        record(
            connection,
            acting.actor,
            "cluster.dismiss" if state == "dismissed" else "cluster.reopen",
            f"cluster:{cluster_id}",
            contest_id=cluster.contest_id,
            before={"state": cluster.state},
            after={"state": state, "accounts": cluster.accounts},
            why=reason,
        )
        new = waiting(connection, cluster.contest_id)
    try:
        write_status(console.scratch, {"signals": new})
    except ScratchAway as error:
        log.warning("scratch is away: the count of clusters is old", problem=str(error))
    return True


def _find(connection: Connection, cluster_id: int, *, lock: bool = False) -> Cluster:
    """Errors: ConsoleProblem (404)."""
    cluster = find_cluster(connection, cluster_id, lock=lock)
    if cluster is None:
        raise ConsoleProblem(404, _NO_CLUSTER)
    return cluster


def seen(cluster: Cluster) -> str:
    """What a form says of the cluster that it is about."""
    return f"{cluster.state}.{cluster.accounts}"


def _page(
    console: Console,
    acting: Acting,
    cluster_id: int,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    reason: str = "",
) -> Response:
    with console.ledger() as connection:
        cluster = _find(connection, cluster_id)
        titles = titles_of(connection, cluster.contest_id)
        votes = contest_tallies(connection, cluster.contest_id)
        handed = of_clusters(connection, cluster.contest_id)
    return console.page(
        acting,
        "cluster.html",
        status,
        cluster=cluster,
        seen=seen(cluster),
        title=titles.get(cluster.entry_id, f"#{cluster.entry_id}"),
        titles=titles,
        votes=votes.get(cluster.entry_id, 0),
        evidence=_evidence(acting, cluster),
        picture=picture_of(cluster.numbers),
        width=WIDTH,
        height=HEIGHT,
        moves=_moves(cluster, votes),
        state=STATES[state_of(cluster, handed)],
        decimal=partial(spelled, acting),
        faults=faults or {},
        reason=reason,
    )


def _evidence(acting: Acting, cluster: Cluster) -> list[tuple[str, str, dict[str, float]]]:
    """(signal, what it says, its numbers), the strongest group of each."""
    found = []
    for one in cluster.numbers.get("signals", []):
        signal = Signal(one["signal"])
        hasty = signal is Signal.RHYTHM and one["expected"] == 0
        found.append((acting.say(HASTE if hasty else SIGNALS[signal]), acting.say(MEANINGS[signal]), one))
    return found


def _moves(cluster: Cluster, votes: dict[int, int]) -> list[Move]:
    """What voiding its votes would do: the entry itself, and those whose place would change."""
    moves = effect(votes, {cluster.entry_id: -min(cluster.counted, votes.get(cluster.entry_id, 0))})
    return [move for move in moves if move.entry_id == cluster.entry_id or move.place_before != move.place_after]

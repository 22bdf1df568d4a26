"""What the signals found: the fraud index of each entry, clusters, trends, and a search at once."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.signal_words import DOMAIN_TREND, SIGNALS, STATES
from api.voters.responses import see_other
from models.audit import record
from models.cluster import Cluster, clusters_of, fraud_index, weights
from models.correction import of_clusters
from models.finding import titles_of
from models.ranking import ranking
from models.signal_run import latest_run
from models.signals.kinds import Signal
from models.tally import contest_tallies
from models.task import tasks_of

PATH = "/operator/signals"
KIND = "signals"
SHOWN = 500


def signals_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def signals(acting: Annotated[Acting, MODERATOR], contest: str = "") -> Response:
        return _page(console, acting, contest)

    @router.post(PATH + "/search")
    def search(acting: Annotated[Acting, MODERATOR]) -> Response:
        """Searches at once; a search that waits or runs already is the one."""
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest", limit=20))
            latest = tasks_of(connection, KIND, contest.id, limit=1)
        if not latest or latest[0].ended:
            whole = acting.text("whole", limit=10) == "yes"
            console.ask(acting, KIND, {"whole": whole}, contest.id)
            with console.ledger() as connection:
                record(
                    connection,
                    acting.actor,
                    "signals.search",
                    f"contest:{contest.id}",
                    contest_id=contest.id,
                    after={"whole": whole},
                )
        return see_other(PATH)

    return router


def _page(console: Console, acting: Acting, wanted: str) -> Response:
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, wanted)
        run = latest_run(connection, contest.id)
        found = clusters_of(connection, contest.id, limit=SHOWN)
        titles = titles_of(connection, contest.id)
        votes = contest_tallies(connection, contest.id)
        latest = tasks_of(connection, KIND, contest.id, limit=1)
        handed = of_clusters(connection, contest.id)
    return console.page(
        acting,
        "signals.html",
        contest=contest,
        run=run,
        task=latest[0] if latest else None,
        groups=[(title, [cluster for cluster in found if fits(cluster)]) for title, fits in _GROUPS],
        titles=titles,
        entries=_indices(found, votes, titles),
        trends=_trends(acting, run.alerts if run else []),
        signal_words={str(signal): word for signal, word in SIGNALS.items()},
        states={cluster.id: STATES[state_of(cluster, handed)] for cluster in found},
        most=SHOWN if len(found) >= SHOWN else 0,
    )


def state_of(cluster: Cluster, handed: dict[int, str]) -> str:
    """A key of STATES. `handed`: `of_clusters`."""
    return handed.get(cluster.id, cluster.state) if cluster.state == "handed" else cluster.state


def _is_new(cluster: Cluster) -> bool:
    return cluster.state == "new" and not cluster.alone


def _is_weak(cluster: Cluster) -> bool:
    return cluster.state == "new" and cluster.alone


def _is_decided(cluster: Cluster) -> bool:
    return cluster.state != "new"


_GROUPS = (("new", _is_new), ("weak", _is_weak), ("decided", _is_decided))
"""The lists of the page, and what is in each."""


@dataclass(frozen=True)
class Indexed:
    """One entry with its fraud index."""

    title: str
    votes: int
    place: int
    index: int
    in_clusters: int


def _indices(found: list[Cluster], votes: dict[int, int], titles: dict[int, str]) -> list[Indexed]:
    """Entries with an index above 0, the highest first."""
    places = {one.entry_id: one.place for one in ranking(votes)}
    rows = [
        Indexed(
            titles.get(entry, f"#{entry}"),
            votes.get(entry, 0),
            places.get(entry, 0),
            fraud_index(weight, votes.get(entry, 0)),
            sum(cluster.counted for cluster in found if cluster.entry_id == entry and cluster.state != "dismissed"),
        )
        for entry, weight in weights(found).items()
    ]
    return sorted((row for row in rows if row.index > 0), key=lambda row: -row.index)


def _trends(acting: Acting, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def word(signal: Signal) -> str:
        return acting.say(DOMAIN_TREND if signal is Signal.DOMAIN else SIGNALS[signal])

    return [alert | {"word": word(Signal(alert["signal"]))} for alert in alerts]

"""An entry is withdrawn in the middle of a spike: who is late is told so, and no vote is lost or counted twice."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import httpx

from api.sessions import Session, Sessions
from models.event import Proof
from models.operator import Role
from tests.api.operators.desk import SOON_S, Desk
from tests.api.running import RunningApi, new_account
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage
from workers.books import compare, prove
from workers.flush import drain, flush_slice

VOTERS = 8
LATE = 20  # refusals that each voter meets before they stop


class Crowd:
    """Voters at once, each with a new account for each vote, for the entries 1 and 2 in turn."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()
        self._url = url
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self._vote) for _ in range(VOTERS)]

    def _vote(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            number = 0
            while not self.stop.is_set():
                number += 1
                entry = 1 + number % 2
                now = int(time.time())
                token = Sessions(KEYS).mint(Session(1, new_account(), Proof.EMAIL, now - 10, now + 3600))
                answer = client.put(f"/api/entries/{entry}/vote", headers={"Authorization": f"Bearer {token}"}).json()
                with self._lock:
                    self.answers[entry, answer.get("status") if "receipt" in answer else answer["code"]] += 1

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(10)


def test_an_entry_is_withdrawn_in_mid_spike(
    console: RunningApi, open_contest: Stage, desk: Callable[..., Desk]
) -> None:
    moderator = desk(Role.MODERATOR)
    stopping = threading.Event()
    flushing = threading.Thread(
        target=flush_slice,
        args=(open_contest.engine, open_contest.client, open_contest.contest_id, 0),
        kwargs={"seconds": 60, "stopping": stopping.is_set, "wait": stopping.wait},
    )
    crowd = Crowd(console.url)
    flushing.start()
    crowd.begin()
    try:
        wait_for(lambda: crowd.answers[1, "counted"] > 100, 20, "the spike has begun")
        told = moderator.get("/operator/entries/1/withdraw")
        assert "được giữ nguyên" in told.text
        assert moderator.post("/operator/entries/1/withdraw", {"version": "1", "why": "Thử"}).status_code == 303
        wait_for(lambda: crowd.answers[1, "unknown_entry"] > LATE * VOTERS, 20, "the late are told")
        counted = crowd.answers[1, "counted"]
        assert moderator.post("/operator/entries/1/publish", {"version": "2"}).status_code == 303
        wait_for(lambda: crowd.answers[1, "counted"] > counted, SOON_S, "votes are taken again")
    finally:
        crowd.end()
        stopping.set()
        flushing.join(10)
    assert {said for _, said in crowd.answers} == {"counted", "unknown_entry"}
    assert crowd.answers[2, "unknown_entry"] == 0, "the other entry noticed nothing"
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=20)
    rows = Counter(entry for _, entry in open_contest.rows())
    assert rows == {entry: crowd.answers[entry, "counted"] for entry in (1, 2)}
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.parked, books.pending) == (0, 0, 0)
    assert all(proof.holds for proof in prove(open_contest.engine, open_contest.client, open_contest.contest))

"""Pages that have to be made come one after another, and votes come between them."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from api.turns import Turns
from tests.api.running import new_account, token_for
from tests.servers import wait_for


def rounds_of(many: int, *, leaving: int = 0) -> list[tuple[int, int]]:
    """(caller, round of the event loop) of everybody who has had a turn, in order; the first `leaving` leave early."""

    async def run() -> list[tuple[int, int]]:
        turns, had, current = Turns(), [], 0
        loop = asyncio.get_running_loop()

        async def caller(number: int) -> None:
            await turns.next()
            had.append((number, current))

        def count() -> None:
            nonlocal current
            current += 1
            if len(had) < many - leaving:
                loop.call_soon(count)

        tasks = [asyncio.create_task(caller(number)) for number in range(many)]
        await asyncio.sleep(0)
        for task in tasks[1 : 1 + leaving]:
            task.cancel()
        count()
        await asyncio.gather(*tasks, return_exceptions=True)
        return had

    return asyncio.run(run())


def test_one_begins_in_each_round_in_the_order_of_coming():
    had = rounds_of(50)
    assert [number for number, _ in had] == list(range(50))
    assert len({current for _, current in had}) == 50


def test_who_leaves_holds_up_nobody():
    assert [number for number, _ in rounds_of(10, leaving=4)] == [0, 5, 6, 7, 8, 9]


class Shut:
    """Turns of which nobody gets one until the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.opened = threading.Event()

    async def next(self) -> None:
        self.asked += 1
        await asyncio.to_thread(self.opened.wait)


def test_votes_and_what_is_in_memory_wait_for_no_page(api, monkeypatch):
    shut = Shut()
    monkeypatch.setattr(api.app, "_turns", shut)
    with httpx.Client(base_url=api.url) as asked, ThreadPoolExecutor() as pool:
        search = pool.submit(asked.get, "/binh-chon?q=khong-ai-tim-bao-gio")
        wait_for(lambda: shut.asked, what="the page waits for its turn")
        assert api.client.get("/api/contest").status_code == 200
        assert api.client.get("/health/ready").status_code == 200
        assert api.vote(1, token_for(new_account(), time.time())).status_code == 201
        assert not search.done()
        shut.opened.set()
        assert search.result().status_code == 200
    assert shut.asked == 1

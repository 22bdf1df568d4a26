"""The box dies while it writes its append-only file anew."""

from tests.chaos.arena import Arena
from tests.chaos.faults import box_client
from tests.servers import wait_for


def test_killed_during_a_rewrite(arena: Arena) -> None:
    """`kill -9` of the box during an AOF rewrite, three times"""
    arena.start()
    with arena.load():
        for _ in range(3):
            arena.some_moment()
            with box_client(arena) as box:
                box.config_set("rdb-key-save-delay", 5_000)  # µs a key: the rewrite lasts
                box.bgrewriteaof()
                wait_for(lambda: box.info("persistence")["aof_rewrite_in_progress"], 10, "the rewrite is at work")
                arena.goes_on(arena.chance.randrange(1, 60))
                assert box.info("persistence")["aof_rewrite_in_progress"]
            arena.mark_fault("kill -9 box in a rewrite")
            arena.kill("box")
            arena.mark_heal()
            arena.goes_on()
    arena.verify()

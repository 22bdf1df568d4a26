"""The box at its `maxmemory`, because the log cannot be flushed."""

from tests.chaos.arena import Arena
from tests.chaos.faults import box_client, ledger_away
from tests.servers import wait_for


def test_box_full_while_the_ledger_is_away(arena: Arena) -> None:
    """PostgreSQL away until the box is at its `maxmemory`: 503, and all that was acknowledged is flushed afterwards"""
    arena.start(BOX_MAXMEMORY=str(16 * 1024**2))
    with arena.load(connections=64, pause_s=0.0) as voters:
        with ledger_away(arena):
            arena.goes_on()
            arena.mark_fault("maxmemory")
            with box_client(arena) as box:
                box.config_set("maxmemory", int(box.info("memory")["used_memory"]) + 1024**2)
                refused = voters.counts["refused"] + 200
                wait_for(lambda: voters.counts["refused"] > refused, 60, "the box is full")
                arena.notes["box_bytes"] = int(box.info("memory")["used_memory"])
        with box_client(arena) as box:
            box.config_set("maxmemory", 64 * 1024**2)
        arena.mark_heal()
        arena.goes_on()
    arena.verify()

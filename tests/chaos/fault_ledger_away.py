"""PostgreSQL is away at full load, with a small box."""

from tests.chaos.arena import Arena
from tests.chaos.faults import box_client, ledger_away


def test_ledger_away(arena: Arena) -> None:
    """PostgreSQL away for 30 s (10 minutes in a soak), box of 64 MB: voters notice nothing, then all is flushed"""
    arena.start(BOX_MAXMEMORY=str(64 * 1024**2))
    with arena.load(connections=64, pause_s=0.25 if arena.soak else 0.02) as voters:  # tokens for so long
        arena.mark_fault("PostgreSQL away")
        before = voters.counts.copy()
        with ledger_away(arena):
            arena.lasts(600 if arena.soak else 30)
            with box_client(arena) as box:
                arena.notes["box_bytes"] = int(box.info("memory")["used_memory"])
        assert voters.counts["refused"] == before["refused"], "nobody was refused"
        arena.mark_heal()
        arena.goes_on()
    assert arena.notes["box_bytes"] < 64 * 1024**2
    arena.verify()

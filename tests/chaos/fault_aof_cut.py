"""The append-only file loses its end, as after a power cut on a disk that lied about its fsync."""

import pytest

from tests.chaos.arena import Arena
from tests.chaos.checker import Allowed
from tests.chaos.faults import box_down, cut, log_of_the_disk


@pytest.mark.parametrize("least", [1, 64, 1024])
def test_cut_after_the_flush(arena: Arena, least: int) -> None:
    """AOF tail cut by 1–4096 bytes when all is in the ledger: nothing is lost"""
    arena.start()
    with arena.load():
        arena.some_moment()
    arena.settle()
    with box_down(arena) as folder:
        arena.mark_fault("AOF cut")
        arena.notes["cut_bytes"] = cut(log_of_the_disk(folder), arena.chance.randrange(least, 4 * least))
    arena.mark_heal()
    with arena.load():
        arena.some_moment()
    arena.verify(Allowed(conflicts=True))


@pytest.mark.parametrize("octets", [300, 4096])
def test_cut_under_load(arena: Arena, octets: int) -> None:
    """AOF tail cut by up to 4096 bytes under load: what was not in the ledger yet may be gone, and an alarm says so"""
    arena.start()
    with arena.load():
        arena.some_moment()
        with box_down(arena) as folder:
            lost_since = arena.mark_fault("AOF cut")
            arena.notes["cut_bytes"] = cut(log_of_the_disk(folder), arena.chance.randrange(octets // 4, octets + 1))
        arena.mark_heal()
        arena.goes_on()
    arena.verify(Allowed(lost_since=lost_since, conflicts=True))

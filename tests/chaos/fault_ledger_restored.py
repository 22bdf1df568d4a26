"""The ledger restored from an older base backup."""

import shutil

from tests.chaos.arena import Arena
from tests.chaos.checker import Allowed
from tests.chaos.faults import box_down, postgres_down, put_back
from tests.servers import wait_for


def _back_up(arena: Arena) -> None:
    with postgres_down(arena) as folder:
        shutil.copytree(folder, arena.folder / "backup", symlinks=True)


def _restore(arena: Arena) -> None:
    with postgres_down(arena) as folder:
        arena.mark_fault("ledger restored from an older backup")
        put_back(arena.folder / "backup", folder)


def test_within_the_tail_of_the_log(arena: Arena) -> None:
    """The ledger restored from an older base backup under load: the log still has what came since"""
    arena.start()
    with arena.load():
        arena.some_moment()
        _back_up(arena)
        arena.goes_on(500)
        arena.some_moment()
        _restore(arena)
        arena.mark_heal()
        arena.goes_on()
    arena.verify()


def test_from_before_a_repair(arena: Arena) -> None:
    """The ledger restored from before a repair: the box stays shut until a person vouches for it"""
    arena.start()
    with arena.load() as voters:
        arena.some_moment()
        _back_up(arena)
        arena.goes_on(300)
    arena.settle()
    with box_down(arena) as folder:
        shutil.rmtree(folder / "appendonlydir")
    with arena.load() as voters:
        arena.some_moment()
        _restore(arena)
        refused = voters.counts["refused"] + 50
        wait_for(lambda: voters.counts["refused"] > refused, 60, "the box is shut")
        arena.lasts(3)
        told = arena.stack.run("repair", "--accept-epoch", check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        arena.mark_heal()
        arena.goes_on()
    arena.verify(Allowed(conflicts=True))

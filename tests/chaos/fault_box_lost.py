"""The box comes back without its data, or with data of earlier."""

import shutil

from tests.chaos.arena import Arena
from tests.chaos.checker import Allowed
from tests.chaos.faults import box_down, copy_box, put_back


def _empty(arena: Arena) -> float:
    with box_down(arena) as folder:
        at = arena.mark_fault("box data lost")
        shutil.rmtree(folder / "appendonlydir")
    arena.mark_heal()
    return at


def test_lost_after_the_flush(arena: Arena) -> None:
    """All data of the box lost when all is in the ledger: nothing is lost"""
    arena.start()
    with arena.load():
        arena.some_moment()
    arena.settle()
    _empty(arena)
    with arena.load():
        arena.some_moment()
    arena.verify()


def test_lost_under_load(arena: Arena) -> None:
    """All data of the box lost under load"""
    arena.start()
    with arena.load():
        arena.some_moment()
        lost_since = _empty(arena)
        arena.goes_on()
    arena.verify(Allowed(lost_since=lost_since))


def test_restored_after_the_flush(arena: Arena) -> None:
    """The box restored from an older copy when all is in the ledger: nothing is lost"""
    _restored(arena, under_load=False)


def test_restored_under_load(arena: Arena) -> None:
    """The box restored from an older copy under load"""
    _restored(arena, under_load=True)


def _restored(arena: Arena, *, under_load: bool) -> None:
    arena.start()
    saved = arena.folder / "saved"
    with arena.load():
        arena.some_moment()
        copy_box(arena, saved)
        arena.some_moment()
        if under_load:
            lost_since = _older(arena, saved)
            arena.goes_on()
    if not under_load:
        arena.settle()
        _older(arena, saved)
        with arena.load():
            arena.some_moment()
    arena.verify(Allowed(lost_since=lost_since if under_load else None, conflicts=True))


def _older(arena: Arena, saved: object) -> float:
    with box_down(arena) as folder:
        at = arena.mark_fault("box restored from an older copy")
        put_back(saved, folder)
    arena.mark_heal()
    return at

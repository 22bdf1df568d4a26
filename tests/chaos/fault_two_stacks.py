"""Two whole stacks on one box and one ledger, each with workers and a ticker of its own."""

import shutil

from tests.chaos.arena import Arena
from tests.journeys.stack import Stack


def second_stack(arena: Arena, *addresses: str, **environment: str) -> Stack:
    """Another stack with the same secrets, on the first one's servers of these names. It stops before the first."""
    data = arena.folder / "data2"
    data.mkdir(mode=0o700)
    # But for the password of the embedded box's own user for people: this stack has no box of its own.
    shutil.copytree(arena.data / "secrets", data / "secrets", ignore=shutil.ignore_patterns("box_admin_password"))
    return Stack(data, **{name: arena.stack.address_of(name) for name in addresses}, **environment)


def test_two_stacks_on_one_ledger(arena: Arena) -> None:
    """Two stacks' workers, tickers and APIs on one box and one ledger; one of them is then killed with -9"""
    arena.start()
    other = second_stack(arena, "DATABASE_URL", "BALLOT_BOX_URL")
    with arena.load():
        arena.mark_fault("a second stack")
        other.start()
        try:
            with arena.load(other.port):
                arena.goes_on(1000)
            other.kill_supervisor()
            arena.mark_heal()
            arena.goes_on()
        finally:
            other.stop()
    arena.verify()

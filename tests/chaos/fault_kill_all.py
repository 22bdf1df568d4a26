"""`kill -9` of everything at once."""

from tests.chaos.arena import Arena

ROLES = ["api", "box", "worker", "ticker", "scratch", "postgres"]


def test_kill_all_roles_together(arena: Arena) -> None:
    """`kill -9` of every process but the supervisor, in a random order, at once"""
    arena.start()
    with arena.load():
        for _ in range(2):
            arena.some_moment()
            arena.mark_fault("kill -9 of all")
            for role in arena.chance.sample(ROLES, len(ROLES)):
                arena.signal(role)
            arena.mark_heal()
            arena.goes_on()
    arena.verify()


def test_kill_the_supervisor(arena: Arena) -> None:
    """`kill -9` of the supervisor, with which everything dies; then it is started again"""
    arena.start()
    with arena.load():
        arena.some_moment()
        arena.mark_fault("kill -9 supervisor")
        arena.kill_supervisor()
        arena.stack.start()
        arena.mark_heal()
        arena.goes_on()
    arena.verify()

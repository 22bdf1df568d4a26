"""Processes killed at the points where a crash hurts most, as their bytes pass through a relay."""

from collections.abc import Callable

import pytest

from tests.chaos.arena import Arena
from tests.chaos.faults import box_socket, ledger_socket
from tests.chaos.relay import DOWN, UP, Relay, kill
from tests.servers import wait_for

TIMES = 3


class Points:
    """Kills the process of `pids` whose bytes reach the point, each time that it is armed. `hit`: how often."""

    def __init__(self, pids: Callable[[], list[int]], reached: Callable[[str, bytes, dict[str, bool]], bool]) -> None:
        self._pids, self._reached = pids, reached
        self._said: dict[int, dict[str, bool]] = {}
        self.armed, self.hit = False, 0

    def look(self, pid: int, way: str, data: bytes) -> bool:
        said = self._said.setdefault(pid, {})
        at_point = self._reached(way, data, said)
        if not self.armed or not at_point or pid not in self._pids():
            return True
        self.armed = False
        kill(pid)
        self.hit += 1
        return False


def _decided(way: str, data: bytes, said: dict[str, bool]) -> bool:
    """The box has decided a call of votes, its reply is on its way."""
    if way == UP:
        said["cast"] = b"FCALL" in data and b"cast" in data
        return False
    return said.get("cast", False)


def _copied(way: str, data: bytes, said: dict[str, bool]) -> bool:
    if way == UP and b"COPY votes" in data:
        said["copy"] = True
    return way == DOWN and said.get("copy", False) and b"COPY " in data


def _before_commit(way: str, data: bytes, said: dict[str, bool]) -> bool:
    _copied(way, data, said)
    return way == UP and said.pop("copy", False) if b"COMMIT" in data else False


def _after_commit(way: str, data: bytes, said: dict[str, bool]) -> bool:
    _copied(way, data, said)
    return way == DOWN and said.pop("copy", False) if b"COMMIT" in data else False


def _before_trim(way: str, data: bytes, _said: dict[str, bool]) -> bool:
    return way == UP and b"XTRIM" in data


LEDGER: dict[str, Callable[[str, bytes, dict[str, bool]], bool]] = {
    "after_copy": _copied,
    "before_commit": _before_commit,
    "after_commit": _after_commit,
}


def _kill_there(arena: Arena, points: Points, name: str) -> None:
    for number in range(1, TIMES + 1):
        arena.some_moment()
        arena.mark_fault(name)
        arena.stopped[name] += 1
        points.armed = True
        wait_for(lambda wanted=number: points.hit == wanted, 30, f"{name} has reached the point")
        arena.mark_heal()
        arena.goes_on()


def test_api_killed_after_the_box_decided(arena: Arena) -> None:
    """The API killed when the box has decided and before its reply arrives, three times"""
    arena.start()
    points = Points(lambda: arena.pids("api"), _decided)
    with Relay(box_socket(arena)) as relay:
        relay.look = points.look
        arena.kill("api")
        with arena.load():
            _kill_there(arena, points, "api")
        arena.verify()


@pytest.mark.parametrize("point", LEDGER)
def test_flush_killed(arena: Arena, point: str) -> None:
    """The flush worker killed after its COPY, before its COMMIT is sent, or before it hears of it, three times"""
    arena.start()
    points = Points(lambda: arena.pids("worker.flush.0"), LEDGER[point])
    with Relay(ledger_socket(arena)) as relay:
        relay.look = points.look
        with arena.load():
            _kill_there(arena, points, "worker.flush.0")
        arena.verify()


def test_flush_killed_before_the_trim(arena: Arena) -> None:
    """The flush worker killed after its COMMIT and before it trims the log, three times"""
    arena.start()
    points = Points(lambda: arena.pids("worker.flush.0"), _before_trim)
    with Relay(box_socket(arena)) as relay:
        relay.look = points.look
        arena.kill("worker.flush.0")
        with arena.load():
            _kill_there(arena, points, "worker.flush.0")
        arena.verify()

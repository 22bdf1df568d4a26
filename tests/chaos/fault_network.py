"""The network, between API and box and between workers and PostgreSQL: cut, half-open, slow, reset after a request."""

from collections.abc import Callable

import pytest

from tests.chaos.arena import Arena
from tests.chaos.faults import box_socket, end_sessions, ledger_socket
from tests.chaos.relay import DOWN, Relay
from tests.servers import wait_for


def _cut(arena: Arena, relay: Relay) -> None:
    relay.refusing = True
    relay.cut()
    arena.lasts(3)
    relay.refusing = False


def _half_open(arena: Arena, relay: Relay) -> None:
    relay.holding = True
    arena.lasts(30 if arena.soak else 5)
    relay.holding = False


def _slow(arena: Arena, relay: Relay) -> None:
    relay.delay_s = 0.2
    arena.lasts(5)
    arena.goes_on(20)
    relay.delay_s = 0.0


def _reset(arena: Arena, relay: Relay) -> None:
    """The request arrives, the answer does not."""
    lost = 0

    def look(_pid: int, way: str, _data: bytes) -> bool:
        nonlocal lost
        if way == DOWN and arena.chance.random() < 0.3:
            lost += 1
            return False
        return True

    relay.look = look
    wait_for(lambda: lost >= 5, 30, "answers were lost")
    relay.look = lambda _pid, _way, _data: True


KINDS: dict[str, Callable[[Arena, Relay], None]] = {
    "cut": _cut,
    "half_open": _half_open,
    "slow": _slow,
    "reset": _reset,
}


@pytest.mark.parametrize("kind", KINDS)
def test_between_api_and_box(arena: Arena, kind: str) -> None:
    """The way between API and box cut for 3 s, half-open for 5 s, slow by 0.2 s each way, or reset after the request"""
    arena.start()
    with Relay(box_socket(arena)) as relay:
        for role in ("api", "worker", "ticker"):
            arena.kill(role)
        with arena.load():
            arena.some_moment()
            assert relay.connections
            arena.mark_fault(kind)
            KINDS[kind](arena, relay)
            arena.mark_heal()
            arena.goes_on()
        arena.verify()


@pytest.mark.parametrize("kind", KINDS)
def test_between_workers_and_ledger(arena: Arena, kind: str) -> None:
    """The way between workers and PostgreSQL cut, half-open, slow, or reset after the request: voters notice nothing"""
    arena.start()
    with Relay(ledger_socket(arena)) as relay:
        with arena.load() as voters:
            end_sessions(arena)
            wait_for(lambda: relay.connections, 20, "the workers come through the relay")
            arena.some_moment()
            arena.mark_fault(kind)
            refused = voters.counts["refused"]
            KINDS[kind](arena, relay)
            assert voters.counts["refused"] == refused, "voters noticed"
            arena.mark_heal()
            arena.goes_on()
        arena.verify()

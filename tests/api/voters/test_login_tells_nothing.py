"""Nobody learns from an answer, or from how long it takes, whether an address ever logged in or just asked."""

import time
from collections.abc import Callable
from statistics import median

import httpx
import pytest

from tests.api.running import RunningApi
from tests.api.voters.logging_in import ask, code_for, enter, let_pass, proof, wrong

ROUNDS = 40
NOISE = 1.4
"""Medians of two kinds of answers lie within so many times of each other."""
TRIES = 3
"""The machine has other work too: what is alike is so in one of these, what is not in none."""


@pytest.fixture
def api(login_api: RunningApi, scratch: str) -> RunningApi:
    login_api.client.cookies.clear()
    return login_api


def alike(one: Callable[[int], httpx.Response], other: Callable[[int], httpx.Response]) -> None:
    """Both get the same bodies, and in the same time. By turns: what else the machine does hits both."""
    seen = []
    for tried in range(TRIES):
        times: tuple[list[float], list[float]] = ([], [])
        bodies = set()
        for number in range(ROUNDS):
            for kind, call in enumerate((one, other)):
                began = time.perf_counter()
                answer = call(tried * ROUNDS + number)
                times[kind].append(time.perf_counter() - began)
                bodies.add((answer.status_code, answer.content))
        assert len(bodies) == 1, bodies
        ratio = median(times[0]) / median(times[1])
        seen.append(ratio)
        if 1 / NOISE < ratio < NOISE:
            return
    pytest.fail(f"one takes {seen} times as long as the other")


def test_to_ask_for_a_code(api: RunningApi, scratch: str) -> None:
    """Addresses that have logged in, beside those that nobody ever used. Nine letters each: the answer masks them."""
    known = [f"k{number:06d}@example.vn" for number in range(ROUNDS * TRIES)]
    for address in known:
        ask(api, address)
        assert enter(api, address, code_for(scratch, address)).status_code == 200
        let_pass(scratch, "outbox:*")
    let_pass(scratch, "code:*")
    proofs = [proof(api) for _ in range(ROUNDS * TRIES * 2)]
    alike(
        lambda number: ask(api, known[number], altcha=proofs[number]),
        lambda number: ask(api, f"k{900_000 + number}@example.vn", altcha=proofs[ROUNDS * TRIES + number]),
    )


def test_to_ask_again_beside_asking_for_the_first_time(api: RunningApi) -> None:
    for number in range(ROUNDS * TRIES):
        ask(api, f"k{number:06d}@example.vn")
    proofs = [proof(api) for _ in range(ROUNDS * TRIES * 2)]
    alike(
        lambda number: ask(api, f"k{number:06d}@example.vn", altcha=proofs[number]),
        lambda number: ask(api, f"k{900_000 + number}@example.vn", altcha=proofs[ROUNDS * TRIES + number]),
    )


def test_to_enter_a_wrong_code(api: RunningApi, scratch: str) -> None:
    """Where one is under way, and where none is."""
    codes = {}
    for number in range(ROUNDS * TRIES):
        ask(api, f"k{number:06d}@example.vn")
    for number in range(ROUNDS * TRIES):
        codes[number] = wrong(code_for(scratch, f"k{number:06d}@example.vn"))
    alike(
        lambda number: enter(api, f"k{number:06d}@example.vn", codes[number]),
        lambda number: enter(api, f"k{900_000 + number}@example.vn", codes[number]),
    )

"""The work before a code grows with the load, and what was asked for stays good."""

import time

import altcha
import pytest

from models.proof_of_work import STEPS, Proofs, step_of
from tests.api.voters.logging_in import solve
from tests.workers.contests import KEYS

NOW = 1_800_000_000.0


def test_the_work_doubles_from_step_to_step() -> None:
    assert [step.times for step in STEPS] == [1, 2, 4, 8]
    assert [step.load for step in STEPS] == sorted(step.load for step in STEPS)
    assert STEPS[0].load == 0
    assert [step.spent for step in STEPS] == [0.0, 0.5, 0.75, 0.9]


@pytest.mark.parametrize("number", range(1, len(STEPS)))
def test_a_step_begins_at_its_load(number: int) -> None:
    assert step_of(STEPS[number].load) is STEPS[number]
    assert step_of(STEPS[number].load - 1) is STEPS[number - 1]
    assert step_of(0, STEPS[number].spent) is STEPS[number]
    assert step_of(0, STEPS[number].spent - 0.001) is STEPS[number - 1]


def test_the_higher_of_the_two_steps_counts() -> None:
    assert step_of(STEPS[1].load, STEPS[3].spent) is STEPS[3]
    assert step_of(STEPS[3].load, STEPS[1].spent) is STEPS[3]


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_every_step_is_verified_whatever_the_load_is_now(number: int) -> None:
    proofs = Proofs(KEYS, 8)
    solution = solve(proofs.challenge(NOW, STEPS[number].load))
    assert proofs.verify(solution, NOW + 1)
    assert Proofs(KEYS, 5000).verify(solution, NOW + 1), "another cost in the settings since then"


def test_a_busy_hour_makes_verification_no_dearer() -> None:
    costs = [Proofs(KEYS, 5000).challenge(NOW, step.load)["parameters"]["cost"] for step in STEPS]
    assert max(costs) == costs[0] == 5000


def test_a_cheaper_step_cannot_be_put_in_the_place_of_a_dearer_one() -> None:
    proofs = Proofs(KEYS, 8)
    busy = altcha.Challenge.from_dict(proofs.challenge(NOW, STEPS[-1].load))
    busy.parameters.key_prefix = "00"
    solution = altcha.solve_challenge(busy)
    assert solution is not None
    assert proofs.verify(altcha.Payload(busy, solution).to_base64(), time.time()) is None

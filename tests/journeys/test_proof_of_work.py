"""A browser solves what is asked for at every load."""

import json
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from models.proof_of_work import STEPS, Proofs
from models.secrets import KeyRing
from tests.journeys.browser import until

PROOFS = Proofs(KeyRing("a key of this test", ("x",)), 5000)  # as without a setting: `--durations=4` tells the work


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.load} codes a minute")
def test_the_page_solves_it_while_the_voter_types(new_page: Callable[..., Page], step) -> None:
    page = new_page("phone")
    challenge = json.dumps(PROOFS.challenge(time.time(), step.load))
    page.route("**/api/login/challenge", lambda route: route.fulfill(body=challenge, content_type="application/json"))
    page.goto("/dang-nhap")
    page.get_by_label("Địa chỉ email").fill("an@example.vn")

    def solution() -> str:
        found: str = page.evaluate("() => document.querySelector('form input[name=altcha]')?.value || ''")
        return found

    until(page, solution, 60.0, "the work is done")
    assert PROOFS.verify(solution()) is not None

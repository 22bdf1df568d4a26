"""Strangers at the login page: they keep no operator out who has logged in before, however many they are."""

from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request, Response

from api.operators.known_browser import COOKIE, LIFE_S, mark_of, network_of, remember
from models import password
from models.operator import Role
from models.password import place
from tests.api.operators.entering import Known, Visitor
from tests.api.running import RunningApi
from tests.workers.contests import KEYS, Stage

OTHER = "một mật khẩu khác hẳn"


@pytest.fixture
def lan(console: RunningApi, open_contest: Stage) -> Iterator[Visitor]:
    """The browser in which Lan has logged in before."""
    known = Known(open_contest.engine, Role.VIEWER, factor=False)
    with Visitor(console) as come:
        come.enter(known)
        come.post("/operator/logout")
        assert come.token == ""
        yield come


def test_strangers_who_know_a_name_keep_its_owner_out_elsewhere_only(lan: Visitor, console: RunningApi) -> None:
    with Visitor(console) as stranger:
        assert [stranger.log_in("lan", OTHER).status_code for _ in range(6)] == [422] * 5 + [429]
        assert stranger.log_in("lan").status_code == 429
    assert lan.log_in("lan").status_code == 303


def test_a_known_browser_guesses_no_longer_than_a_stranger(lan: Visitor, console: RunningApi) -> None:
    assert [lan.log_in("lan", OTHER).status_code for _ in range(6)] == [422] * 5 + [429]
    with Visitor(console) as stranger:
        assert stranger.log_in("lan").status_code == 303, "the strangers' tries are counted apart"


def test_it_is_known_for_its_own_operator_alone(lan: Visitor, console: RunningApi, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.VIEWER, "an", factor=False)
    with Visitor(console) as stranger:
        for _ in range(5):
            stranger.log_in("an", OTHER)
    assert lan.log_in("an").status_code == 429


@pytest.mark.parametrize("made_up", ["", ".", "1-a.b", "9999999999-ffffffffffffffff.00000000000000000000000000000000"])
def test_a_cookie_that_was_made_up_is_none(console: RunningApi, lan: Visitor, made_up: str) -> None:
    with Visitor(console) as stranger:
        stranger.client.cookies.set(COOKIE, made_up, path="/operator")
        assert [stranger.log_in("lan", OTHER).status_code for _ in range(6)] == [422] * 5 + [429]


def test_it_takes_the_whole_login(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as come:
        come.log_in("lan")
        assert COOKIE not in come.client.cookies
        answer = come.post("/operator/second-factor", code=known.code())
        assert COOKIE in come.client.cookies
        (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE)]
        assert {"HttpOnly", "SameSite=strict", "Path=/operator"} <= set(cookie.split("; "))


def test_who_has_the_password_alone_keeps_its_owner_out_elsewhere_only(
    console: RunningApi, open_contest: Stage
) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as owner, Visitor(console) as thief:
        owner.enter(known)
        owner.post("/operator/logout")
        thief.log_in("lan")
        codes = [thief.post("/operator/second-factor", code="000000").status_code for _ in range(6)]
        assert codes == [422] * 5 + [429]
        owner.log_in("lan")
        assert owner.post("/operator/second-factor", code=known.code(1)).status_code == 303
        assert thief.post("/operator/second-factor", code=known.code(1)).status_code == 429


def test_it_is_forgotten_after_half_a_year() -> None:
    kept: Any = SimpleNamespace(keys=KEYS, secure=False)
    cookie = remember(kept, Response(), "lan", 1_000.0).headers["set-cookie"].partition(";")[0]
    request = Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})
    assert mark_of(kept, request, "lan", 1_000.0 + LIFE_S - 1)
    assert mark_of(kept, request, "lan", 1_000.0 + LIFE_S) == ""


def test_a_flood_from_everywhere_leaves_places_for_who_is_known(lan: Visitor, console: RunningApi) -> None:
    """Whoever has a session, or logs in where they did before, needs none of the strangers' places."""
    with Visitor(console) as stranger, ExitStack() as flood:
        for number in range(password.PLACES):
            flood.enter_context(place(f"network {number}"))
        assert stranger.log_in("lan").status_code == 503
        assert lan.log_in("lan").status_code == 303
        fields = {"password": OTHER, "new": "một hai ba bốn năm", "again": "một hai ba bốn năm"}
        assert lan.post("/operator/account/password", **fields).status_code == 422


def test_a_flood_from_one_network_leaves_places_for_the_others(console: RunningApi, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    with Visitor(console) as stranger, ExitStack() as flood:
        for _ in range(password.PLACES_OF_ONE):
            flood.enter_context(place("203.0.113.9"))
        assert stranger.log_in("lan").status_code == 303


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("", "none"),
        ("unix", "none"),
    ],
)
def test_who_shares_places(address: str, network: str) -> None:
    assert network_of(address) == network

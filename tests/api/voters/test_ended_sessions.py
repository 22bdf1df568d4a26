"""Sessions that are ended before they expire: by log-out, by an operator; in every process, through both layers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from api.ended_sessions import End, Ended, EndedSessions, all_before, issued_at
from models.scratch import ended_sessions
from models.scratch.connection import scratch_client
from tests.api.running import RunningApi, new_account, settings_for, token_for
from tests.api.voters.logging_in import OWN, PROOF_COST, ask, code_for, enter, let_pass
from tests.servers import wait_for

AN = "an@example.vn"


@pytest.fixture(scope="module")
def two(open_box: str, scratch_url: str) -> Iterator[tuple[RunningApi, RunningApi]]:
    """Two processes of one installation, one for each layer of the fast path."""
    settings = settings_for(open_box, scratch_url=scratch_url, login_proof_cost=PROOF_COST)
    made = RunningApi(settings, layer="lane"), RunningApi(settings, layer="asgi")
    for running in made:
        running.wait_ready()
    yield made
    for running in made:
        running.stop()


@pytest.fixture(params=["the lane hears of it", "the asgi layer hears of it"])
def pair(two: tuple[RunningApi, RunningApi], request: pytest.FixtureRequest, scratch: str) -> Any:
    """(where a session is ended, another process)."""
    for running in two:
        running.client.cookies.clear()
    return two if "asgi" in request.param else two[::-1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def is_refused(api: RunningApi, token: str) -> bool:
    return api.vote(1, token).status_code == 401


def within_a_second(api: RunningApi, token: str) -> None:
    began = time.monotonic()
    wait_for(lambda: is_refused(api, token), 4.0)
    assert time.monotonic() - began < 1.0


def test_a_log_out_ends_the_session_and_no_other(pair: tuple[RunningApi, RunningApi]) -> None:
    here, there = pair
    account, now = new_account(), time.time()
    left, kept = token_for(account, now), token_for(account, now - 10)
    assert [api.vote(1, token).status_code for api in pair for token in (left, kept)] == [201, 200, 200, 200]
    assert here.client.delete("/api/login", headers=bearer(left)).status_code == 204
    assert is_refused(here, left), "at once"
    assert here.client.get("/api/ballot", headers=bearer(left)).status_code == 401
    within_a_second(there, left)
    assert [api.vote(1, kept).status_code for api in pair] == [200, 200]


def test_everywhere_ends_all_of_the_account_and_of_nobody_else(pair: tuple[RunningApi, RunningApi]) -> None:
    here, there = pair
    account, now = new_account(), time.time()
    own = [token_for(account, now), token_for(account, now - 5000)]
    others = token_for(new_account(), now)
    assert here.client.delete("/api/login?everywhere=true", headers=bearer(own[0])).status_code == 204
    assert all(is_refused(here, token) for token in own)
    for token in own:
        within_a_second(there, token)
    assert [api.vote(1, others).status_code for api in pair] == [201, 200]


def test_by_the_form_at_my_votes_and_in_again_at_once(pair: tuple[RunningApi, RunningApi], scratch: str) -> None:
    here, there = pair

    def log_in() -> str:
        let_pass(scratch, "code:*")
        let_pass(scratch, "outbox:*")
        ask(here, AN)
        return str(enter(here, AN, code_for(scratch, AN)).json()["token"])

    first = log_in()
    here.client.cookies.clear()
    second = log_in()
    page = here.client.get("/phieu-cua-toi").text
    assert 'name="everywhere" value="1"' in page
    assert "Đăng xuất khỏi mọi thiết bị" in page
    left = here.client.post("/dang-nhap/thoat", data={"everywhere": "1"}, headers=OWN)
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert "Max-Age=0" in left.headers["set-cookie"]
    for token in (first, second):
        assert is_refused(here, token)
        within_a_second(there, token)
    again = log_in()
    assert again not in (first, second)
    assert {api.vote(1, again).status_code for api in pair} <= {200, 201}
    here.client.post("/dang-nhap/thoat", headers=OWN)
    assert is_refused(here, again), "the plain button ends the session too"
    third = log_in()
    assert not is_refused(here, third), "not the token of before, though within its second"


def test_a_process_that_starts_later_knows(
    pair: tuple[RunningApi, RunningApi], start_api: Callable[..., RunningApi], open_box: str, scratch: str
) -> None:
    token = token_for(new_account(), time.time())
    pair[0].client.delete("/api/login", headers=bearer(token))
    later = start_api(open_box, scratch_url=scratch)
    later.wait_ready()
    assert is_refused(later, token)


def test_an_order_from_elsewhere_is_heard(pair: tuple[RunningApi, RunningApi], scratch: str) -> None:
    account = new_account()
    token = token_for(account, time.time())
    with scratch_client(scratch) as client:
        ended_sessions.end_now(client, all_before(account, int(time.time() * 1000)))
    for api in pair:
        within_a_second(api, token)


def test_another_website_ends_nothing(pair: tuple[RunningApi, RunningApi]) -> None:
    here, _ = pair
    token = token_for(new_account(), time.time())
    for call in (
        here.client.delete("/api/login?everywhere=true", headers={"Cookie": f"session={token}"}),
        here.client.post("/dang-nhap/thoat", data={"everywhere": "1"}, headers={"Cookie": f"session={token}"}),
    ):
        assert call.status_code == 403
    assert not is_refused(here, token)


def test_a_token_that_was_made_up_ends_nothing(pair: tuple[RunningApi, RunningApi], scratch: str) -> None:
    here, _ = pair
    assert here.client.delete("/api/login?everywhere=true", headers=bearer("A" * 56)).status_code == 204
    with redis.Redis.from_url(scratch) as client:
        assert client.exists("ended") == 0


def test_without_scratch_a_log_out_says_what_it_could_not_do(
    start_api: Callable[..., RunningApi], open_box: str
) -> None:
    api = start_api(open_box)
    api.wait_ready()
    token = token_for(new_account(), time.time())
    refused = api.client.delete("/api/login?everywhere=true", headers=bearer(token))
    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
    assert "mọi thiết bị" in refused.json()["detail"]
    assert "set-cookie" not in refused.headers
    left = api.client.delete("/api/login", headers=bearer(token_for(new_account(), time.time())))
    assert left.status_code == 204
    assert "Max-Age=0" in left.headers["set-cookie"], "the browser forgets it in any case"


def test_what_is_kept_is_bounded_and_says_nothing_of_anybody(scratch: str) -> None:
    with scratch_client(scratch) as client:
        ended_sessions.end_now(client, End(2**62, 5, 0))
        ended_sessions.end_now(client, End(7, 0, 6))
        assert [fields for _, fields in client.xrange("ended")] == [
            {b"account": b"%d" % 2**62, b"from": b"5"},
            {b"account": b"7", b"one": b"6"},
        ]


def test_a_session_is_over_by_its_second() -> None:
    known = EndedSessions("unix:///nonexistent.sock")
    known._take(End(7, 0, 100))
    assert [known.by_account[7].covers(second) for second in (99, 100, 101)] == [False, True, False]
    known._take(all_before(7, 200_500))
    assert [known.by_account[7].covers(second) for second in (100, 201, 202)] == [True, True, False]
    assert known.by_account[7].seconds == set(), "what is over in any case is not kept twice"
    known._take(End(7, 150, 0))
    assert known.by_account[7].covers(200)


def test_the_longest_ended_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.ended_sessions.MOST", 2)
    known = EndedSessions("unix:///nonexistent.sock")
    for account in (1, 2, 1, 3):
        known._take(End(account, 0, 5))
    assert list(known.by_account) == [1, 3]


def test_a_new_token_is_none_that_was_ended() -> None:
    ended = Ended()
    assert issued_at(100, 0, None) == issued_at(100, 0, ended) == 100
    ended.seconds = {100, 101}
    assert issued_at(100, 0, ended) == 102
    ended.before = 105
    assert issued_at(100, 0, ended) == 105
    assert issued_at(100, 105_001, None) == 106

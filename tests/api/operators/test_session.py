"""How long a session lasts is told before it ends; who must log in again goes on where they were."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
import redis

from api.operators.login_steps import HOME, own_path
from models.operator import Role
from models.scratch import operator_sessions as sessions
from tests.api.operators.desk import OWN, Desk
from tests.api.operators.entering import Known, Visitor
from tests.api.running import RunningApi
from tests.workers.contests import Stage

PATH = "/operator/session"


@pytest.fixture
def viewer(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.VIEWER)


def age(scratch: str, desk: Desk, *, seen_s: float, began_s: float | None = None) -> None:
    """As if the session had begun so long ago, and had last done something so long ago."""
    key = f"operator:{sessions.digest_of(desk.token)}"
    with redis.Redis.from_url(scratch) as client:
        values = orjson.loads(client.get(key) or b"")
        now = time.time()
        values |= {"seen_at": now - seen_s, "began_at": now - (seen_s if began_s is None else began_s)}
        client.set(key, orjson.dumps(values), ex=int(sessions.IDLE_S - seen_s))


def test_looking_keeps_no_session_alive_and_going_on_does(viewer: Desk, scratch: str) -> None:
    age(scratch, viewer, seen_s=1500)
    for _ in range(2):
        told = viewer.get(PATH).json()
        assert 295 <= told["left_s"] <= 300
        assert told["lasts_s"] > 11 * 3600
    assert viewer.post(PATH).json()["left_s"] > 1790
    assert viewer.get(PATH).json()["left_s"] > 1790


def test_after_twelve_hours_nothing_helps(viewer: Desk, scratch: str) -> None:
    age(scratch, viewer, seen_s=100, began_s=sessions.ABSOLUTE_S - 120)
    told = viewer.post(PATH).json()
    assert 115 <= told["left_s"] <= 120
    assert told["left_s"] == told["lasts_s"]


def test_every_page_says_how_long(viewer: Desk, scratch: str) -> None:
    age(scratch, viewer, seen_s=1500)
    page = viewer.get("/operator/audit").text
    assert 'data-operator="viewer"' in page
    (left,) = [int(part.partition('"')[0]) for part in page.split('data-left="')[1:]]
    assert left > 1790, "loading a page is work"
    assert "data-left" not in httpx.get(str(viewer.client.base_url) + "/operator/login").text


def back_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert address.path == "/operator/login"
    return parse_qs(address.query).get("next", [""])[0]


def test_a_form_that_was_sent_too_late_leads_back_to_its_page(viewer: Desk, console: RunningApi) -> None:
    page = "/operator/entries/new?contest=1&category=moi-truong"
    away = httpx.Client(base_url=console.url)
    sent = away.post("/operator/entries/new", data={"title": "x"}, headers=OWN | {"Referer": console.url + page})
    assert back_of(sent) == page
    assert back_of(away.post("/operator/entries/new", headers=OWN)) == ""
    assert back_of(away.get(page)) == page
    away.close()


def test_through_the_login_back_to_the_page(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    page = "/operator/audit?operator=lan&words=m%E1%BB%9Bi"
    with Visitor(console) as come:
        shown = come.get("/operator/login", params={"next": page})
        assert f'name="next" value="{page.replace("&", "&amp;")}"' in shown.text
        answer = come.log_in(known.name, next=page)
        assert back_of_step(answer) == page
        answer = come.post("/operator/second-factor", code=known.code(), next=page)
        assert answer.headers["location"] == page
        assert come.get(page).status_code == 200


def back_of_step(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]


@pytest.mark.parametrize(
    "path",
    [
        "https://example.org/operator/",
        "//example.org/operator/",
        "/operator/../",
        "/operatorx",
        "/operator/login?next=/operator/",
        "/operator/openid/x/callback?code=1",
        "/operator/logout",
        "/operator/?x=<script>",
        "/operator/entries?x=\r\nSet-Cookie: a=b",
        "/operator/entries?q=a#b",
        "/operator/" + "a" * 300,
        "/operator/?" + "a" * 400,
        "/",
        "",
    ],
)
def test_nobody_is_led_elsewhere(path: str) -> None:
    assert own_path(path) == HOME


@pytest.mark.parametrize("path", ["/operator/", "/operator/entries?contest=1&page=2", "/operator/audit?words=a+b%20c"])
def test_pages_of_the_console_are(path: str) -> None:
    assert own_path(path) == path

"""Requests that no browser of ours sends: slow, large, bent, in other spellings."""

import socket
import tempfile
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import redis

from models.operator import Role
from models.scratch import operator_sessions
from tests.api.operators.desk import OWN, Desk
from tests.api.operators.entering import audited
from tests.api.running import RunningApi
from tests.workers.contests import Stage


def test_who_is_shown_out_while_a_form_is_on_its_way_changes_nothing(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage, scratch: str
) -> None:
    """The rule is asked before the form is read: who sends one slowly would keep a door open as long as they like."""
    lan = desk(Role.ADMIN, "lan")
    body = urlencode({"csrf": lan.csrf, "banner": "Xin chào", "why": "vì sao"}).encode()
    url = urlsplit(console.url)
    head = (
        f"POST /operator/switches/banner HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: operator={lan.token}\r\n"
        f"Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port), timeout=10) as line:
        line.sendall(head.encode())
        assert line.recv(1_000).startswith(b"HTTP/1.1 100 "), "the form is asked for: who sends it has been let in"
        with redis.Redis.from_url(scratch) as client:
            operator_sessions.end_all(client, lan.id)
        line.sendall(body)
        answer = line.recv(10_000).decode()
    assert answer.startswith("HTTP/1.1 303 ")
    assert "location: /operator/login" in answer
    assert audited(open_contest.engine, "switch.banner") == []


@pytest.mark.parametrize("kind", ["form", "files"])
def test_what_anybody_may_send_is_small(console: RunningApi, desk: Callable[..., Desk], kind: str) -> None:
    """Nothing of strangers is written to a disk, and nothing of who may change nothing."""
    long = "x" * 20_000
    sent: dict[str, Any] = {"data": {"name": long}} if kind == "form" else {"files": {"file": ("a", long)}}
    for path in ("/operator/login", "/operator/openid/x"):
        assert console.client.post(path, headers=OWN, **sent).status_code == 413, path
    assert desk(Role.ADMIN).client.post("/operator/logout", headers=OWN, **sent).status_code == 413
    many = {"files": {"file": ("a", "x" * 1024**2)}}
    assert desk(Role.VIEWER).client.post("/operator/account/language", headers=OWN, **many).status_code == 413


@pytest.mark.parametrize("referer", ["http://[", "//[::1", "http://[x]/operator/", "\\\\"])
def test_an_address_that_is_none_leads_to_the_login(console: RunningApi, referer: str) -> None:
    answer = console.client.post("/operator/logout", headers=OWN | {"Referer": referer})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/operator/login")


def test_where_there_is_no_room_for_a_file_it_is_told(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files of more than a megabyte lie in the folder for passing files while they are read."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "away"))
    sent = {"file": ("a.csv", b"x" * 2 * 1024**2)}
    answer = desk(Role.MODERATOR).post("/operator/imports", files=sent)
    assert (answer.status_code, "không còn chỗ" in answer.text) == (507, True)


TRICKS = (
    *("/operator/operators/", "/operator//operators", "//operator/operators", "/operator/./operators"),
    *("/operator/login/../operators", "/OPERATOR/operators", "/operator/Operators", "/operator/%6fperators"),
    *("/operator/operators;x", "/operator/operators%00", "/operator/operators%2F", "/operator%2Foperators"),
    *("/operator/operators.json", "/operator/login?next=/operator/operators", "/operator/\\operators"),
)


@pytest.mark.parametrize("role", [None, Role.VIEWER])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_no_other_spelling_opens_a_page(
    console: RunningApi, desk: Callable[..., Desk], role: Role | None, method: str
) -> None:
    """The list of operators is for admins, however it is asked for."""
    name = desk(Role.ADMIN, "ten.bi.mat").name
    told = OWN | {
        "X-HTTP-Method-Override": "GET",
        "X-Original-URL": "/operator/operators",
        "X-Rewrite-URL": "/operator",
    }
    told["Cookie"] = f"operator={desk(role).token}" if role else ""
    for path in (*TRICKS, "/operator/operators"):
        with closing(HTTPConnection("127.0.0.1", console.port, timeout=10)) as line:
            line.request(method, path, headers=told)
            answer = line.getresponse()
            assert answer.status < 500, path
            assert name not in answer.read().decode(), path

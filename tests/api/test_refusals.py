"""Refused requests are written down: why, where, and nothing of a person."""

import pytest

from api import refusals
from api.refusals import LINES, Refusals
from tests.api.running import Logged, RunningApi


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    """As in a process that has refused nothing yet."""
    made = Refusals()
    monkeypatch.setattr("api.app.REFUSALS", made)
    monkeypatch.setattr("api.voters.login_pages.REFUSALS", made)
    return made


def lines(logged: Logged) -> list[str]:
    return [line for line in map(str, logged.lines) if "refused" in line]


def test_a_call_of_another_website_is_one_line_without_a_person(
    api: RunningApi, fresh: Refusals, logged: Logged
) -> None:
    body = {"kind": "email", "identity": "an@example.vn", "code": "123456"}
    foreign = {"Origin": "https://evil.example"}
    assert api.client.post("/api/login?x=an@example.vn", json=body, headers=foreign).status_code == 403
    assert api.client.post("/dang-nhap?next=/x", data=body, headers=foreign).status_code == 403
    said = lines(logged)
    assert len(said) == 2
    assert all("cross_site" in line for line in said)
    assert "/api/login" in said[0]
    assert "/dang-nhap" in said[1]
    assert not any(private in line for line in said for private in ("an@", "123456", "evil", "127.0.0.1"))


def test_a_flood_of_them_is_a_few_lines(
    api: RunningApi, fresh: Refusals, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(LINES + 10):
        assert api.client.delete("/api/login").status_code == 403
    assert len(lines(logged)) == LINES
    monkeypatch.setattr(refusals, "MINUTE_S", 0.0)
    api.client.delete("/api/login")
    assert len(lines(logged)) == LINES + 2
    assert "'requests': 10" in lines(logged)[-2]

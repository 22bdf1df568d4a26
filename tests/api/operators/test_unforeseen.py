"""An error that nobody thought of, as an operator meets it."""

from collections.abc import Callable
from typing import Any

import pytest

from models.operator import Role
from tests.api.operators.desk import Desk
from tests.servers import wait_for


def test_a_bug_is_a_page_that_shows_nothing_of_the_inside(
    desk: Callable[..., Desk], logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lan = desk(Role.VIEWER)

    def broken(*_args: object, **_values: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("api.operators.console.Console.page", broken)
    answer = lan.get("/operator/audit")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "Có lỗi chưa lường trước" in answer.text
    assert "secret" not in answer.text
    wait_for(lambda: logged.errors, what="the error is logged")

"""A console before there is any contest: every page says what is missing, and none breaks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models.database import console_engine
from models.operator import Role
from tests.api.operators.desk import Desk, console_on
from tests.api.operators.test_access import calls
from tests.api.running import RunningApi


@pytest.fixture
def bare(box: str, database: str, scratch: str, tmp_path: Path) -> Iterator[RunningApi]:
    with console_on(box, database, scratch, tmp_path) as running:
        yield running


def test_no_page_breaks(bare: RunningApi, database: str, scratch: str) -> None:
    engine = console_engine(database)
    wrong = []
    with closing(Desk(bare, engine, scratch, Role.ADMIN)) as admin:
        for method, path, _needed in calls(bare):
            if method != "GET" or path in {"/operator/live", "/operator/logout"}:
                continue  # the stream never ends
            answer = admin.get(path, follow_redirects=False)
            if answer.status_code >= 500:
                wrong.append(f"{path}: {answer.status_code}")
        assert "Chưa có cuộc thi nào" in admin.get("/operator/claims").text
        answer = admin.post("/operator/requests/new", {"kind": "see", "found_by": "email", "who": "a@example.vn"})
        assert answer.status_code == 404
    engine.dispose()
    assert not wrong, "\n".join(wrong)

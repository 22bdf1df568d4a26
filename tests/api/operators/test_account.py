"""The operator's own page."""

import time
from collections.abc import Iterator

import pyotp
import pytest

from models.database import transaction
from models.operator import Role, find_operator
from models.scratch.operator_sessions import digest_of
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited, hidden
from tests.api.running import RunningApi
from tests.workers.contests import Stage

PATH = "/operator/account"
NEW = "một hai ba bốn năm"


@pytest.fixture
def known(open_contest: Stage) -> Known:
    return Known(open_contest.engine)


@pytest.fixture
def lan(console: RunningApi, known: Known) -> Iterator[Visitor]:
    with Visitor(console) as come:
        yield come.enter(known)


@pytest.fixture
def elsewhere(console: RunningApi, known: Known, lan: Visitor) -> Iterator[Visitor]:
    """The same operator in a second browser."""
    with Visitor(console) as come:
        yield come.enter(known, 1)


def test_another_password_ends_the_other_sessions(
    lan: Visitor, elsewhere: Visitor, console: RunningApi, open_contest: Stage
) -> None:
    answer = lan.post(f"{PATH}/password", password=PASSWORD, new=NEW, again=NEW)
    assert answer.headers["location"] == f"{PATH}?done=password"
    assert "Đã đổi mật khẩu" in lan.get(f"{PATH}?done=password").text
    assert elsewhere.get(PATH).status_code == 303
    with Visitor(console) as later:
        assert later.log_in("lan").status_code == 422
        assert later.log_in("lan", NEW).status_code == 303
    for line in audited(open_contest.engine, "operator.password"):
        assert NEW not in str(line)
        assert PASSWORD not in str(line)


@pytest.mark.parametrize(
    ("password", "new", "again", "field"),
    [
        ("không đúng chút nào", NEW, NEW, "password"),
        ("", NEW, NEW, "password"),
        (PASSWORD, "ngắn", "ngắn", "new"),
        (PASSWORD, NEW, NEW + ".", "again"),
        (PASSWORD, PASSWORD, PASSWORD, "new"),
        (PASSWORD, "lan và các bạn của lan", "lan và các bạn của lan", "new"),
    ],
)
def test_a_password_that_is_not_taken(lan: Visitor, password: str, new: str, again: str, field: str) -> None:
    answer = lan.post(f"{PATH}/password", password=password, new=new, again=again)
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert NEW not in answer.text


def test_a_stolen_session_cannot_guess_the_password(lan: Visitor, console: RunningApi, known: Known) -> None:
    for way in ("password", "second-factor", "recovery-codes", "password", "second-factor"):
        assert lan.post(f"{PATH}/{way}", password="không đúng chút nào").status_code == 422
    assert "Hãy thử lại sau" in lan.post(f"{PATH}/recovery-codes", password=PASSWORD).text
    assert lan.post(f"{PATH}/second-factor", password=PASSWORD).status_code == 422
    with Visitor(console) as owner:
        owner.enter(known, 1)


def test_another_app_takes_over_with_its_first_code(
    lan: Visitor, elsewhere: Visitor, console: RunningApi, known: Known
) -> None:
    page = lan.post(f"{PATH}/second-factor", password=PASSWORD)
    secret = page.text.partition('<code class="secret">')[2].partition("</code>")[0].replace(" ", "")
    assert lan.get(PATH).status_code == 200
    offer = hidden(page, "offer")
    done = lan.post("/operator/second-factor/set-up", code=pyotp.TOTP(secret).now(), offer=offer, next=PATH)
    assert done.status_code == 200
    assert lan.get(PATH).status_code == 200
    assert elsewhere.get(PATH).status_code == 303
    with Visitor(console) as later:
        later.log_in("lan")
        assert later.post("/operator/second-factor", code=known.recovery[0]).status_code == 422
        assert later.post("/operator/second-factor", code=known.code()).status_code == 422
        assert later.post("/operator/second-factor", code=pyotp.TOTP(secret).at(_soon())).status_code == 303


def test_new_recovery_codes_end_the_old_ones(lan: Visitor, console: RunningApi, known: Known) -> None:
    page = lan.post(f"{PATH}/recovery-codes", password=PASSWORD)
    codes = [part.partition("</code>")[0] for part in page.text.split("<li><code>")[1:]]
    assert len(codes) == 10
    with Visitor(console) as later:
        later.log_in("lan")
        assert later.post("/operator/second-factor", code=known.recovery[0]).status_code == 422
        assert later.post("/operator/second-factor", code=codes[9]).status_code == 303
    assert codes[0] not in lan.get(PATH).text


def test_only_a_viewer_may_go_without(console: RunningApi, lan: Visitor, open_contest: Stage) -> None:
    assert lan.post(f"{PATH}/second-factor/remove", password=PASSWORD).status_code == 422
    viewer = Known(open_contest.engine, Role.VIEWER, "quan.sat")
    with Visitor(console) as one:
        one.enter(viewer)
        assert one.post(f"{PATH}/second-factor/remove", password="không đúng chút nào").status_code == 422
        assert one.post(f"{PATH}/second-factor/remove", password=PASSWORD).status_code == 303
    with Visitor(console) as one:
        assert one.log_in("quan.sat").headers["location"] == "/operator/"


def test_the_language_is_kept(lan: Visitor, console: RunningApi, known: Known, open_contest: Stage) -> None:
    assert lan.post(f"{PATH}/language", language="en").status_code == 303
    assert '<html lang="en">' in lan.get(PATH).text
    assert lan.post(f"{PATH}/language", language="xx").status_code == 422
    with transaction(open_contest.engine) as connection:
        found = find_operator(connection, known.id)
    assert found is not None
    assert found.language == "en"
    with Visitor(console) as later:
        assert '<html lang="en">' in later.enter(known, 1).get(PATH).text


def test_sessions_are_seen_and_ended(lan: Visitor, elsewhere: Visitor) -> None:
    page = lan.get(PATH).text
    assert page.count("python-httpx") == 2
    assert page.count("Phiên này") == 1
    assert lan.post(f"{PATH}/sessions", digest=digest_of(elsewhere.token)).status_code == 303
    assert elsewhere.get(PATH).status_code == 303
    assert lan.get(PATH).text.count("python-httpx") == 1


def test_all_others_are_ended_at_once(lan: Visitor, elsewhere: Visitor, console: RunningApi, known: Known) -> None:
    with Visitor(console) as third:
        third.log_in("lan")
        third.post("/operator/second-factor", code=known.recovery[0])
        lan.post(f"{PATH}/sessions", others="1")
        assert [one.get(PATH).status_code for one in (lan, elsewhere, third)] == [200, 303, 303]


def test_nobody_ends_the_session_of_another_operator_here(
    lan: Visitor, console: RunningApi, open_contest: Stage
) -> None:
    other = Known(open_contest.engine, name="minh")
    with Visitor(console) as minh:
        minh.enter(other)
        lan.post(f"{PATH}/sessions", digest=digest_of(minh.token))
        assert minh.get(PATH).status_code == 200


def _soon() -> int:
    """A moment of the next step, whose code has not been used."""
    return int(time.time()) + 30

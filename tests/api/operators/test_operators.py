"""Admins look after operators: every change ends the sessions it concerns, is written down, and leaves an admin."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.database import Engine, transaction
from models.operator import Role, all_operators, change_operator, find_operator
from models.operator_secrets import set_password
from models.scratch.connection import scratch_client
from models.scratch.operator_sessions import digest_of, end_all, sessions_of
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import Stage

PATH = "/operator/operators"
NEW = "một hai ba bốn năm"


@pytest.fixture
def known(open_contest: Stage) -> Known:
    return Known(open_contest.engine)


@pytest.fixture
def lan(console: RunningApi, known: Known) -> Iterator[Visitor]:
    with Visitor(console) as come:
        yield come.enter(known)


@pytest.fixture
def minh(open_contest: Stage) -> Known:
    return Known(open_contest.engine, Role.MODERATOR, "minh")


@pytest.fixture
def other(console: RunningApi, minh: Known) -> Iterator[Visitor]:
    """Minh, who is logged in."""
    with Visitor(console) as come:
        yield come.enter(minh)


def given(text: str) -> str:
    """The password that a page shows once."""
    found = re.search(r'<code class="secret">([^<]+)</code>', text)
    assert found, text
    return found[1]


def test_a_new_operator_logs_in_with_the_password_that_is_shown_once(
    lan: Visitor, console: RunningApi, open_contest: Stage
) -> None:
    page = lan.post(
        PATH, name="Hoa.Le", full_name="Lê Thị Hoa <b>", role="viewer", why="Đoàn giám sát", password=PASSWORD
    )
    assert page.status_code == 200
    password = given(page.text)
    assert "hoa.le" in page.text
    with Visitor(console) as hoa:
        assert hoa.log_in("hoa.le", password).headers["location"].startswith("/operator/new-password")
        assert hoa.post("/operator/new-password", new=NEW, again=NEW).headers["location"] == "/operator/"
        assert hoa.get("/operator/account").status_code == 200
        assert hoa.get(PATH).status_code == 403
    listed = lan.get(PATH).text
    assert "Lê Thị Hoa &lt;b&gt;" in listed
    assert password not in listed
    ((who, _, before, after),) = audited(open_contest.engine, "operator.create")
    assert (who, before, after) == ("lan", None, {"name": "hoa.le", "full_name": "Lê Thị Hoa <b>", "role": "viewer"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "a b", "role": "viewer"}, "name"),
        ({"name": "<script>", "role": "viewer"}, "name"),
        ({"name": "LAN", "role": "viewer"}, "name"),
        ({"name": "hoa", "role": "owner"}, "role"),
        ({"name": "hoa", "role": ""}, "role"),
        ({"name": "hoa", "role": "viewer", "full_name": "x" * 101}, "full_name"),
    ],
)
def test_what_was_typed_wrong_is_told_and_kept(
    lan: Visitor, open_contest: Stage, fields: dict[str, str], field: str
) -> None:
    answer = lan.post(PATH, **({"full_name": "Lê Thị Hoa", "why": "vì sao", "password": PASSWORD} | fields))
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert 'value="vì sao"' in answer.text
    with transaction(open_contest.engine) as connection:
        assert len(all_operators(connection)) == 1


@pytest.mark.parametrize("typed", ["", "một mật khẩu khác hẳn"])
def test_a_way_in_is_given_by_who_knows_the_own_password(
    lan: Visitor, minh: Known, other: Visitor, open_contest: Stage, typed: str
) -> None:
    """An unlocked screen, or a stolen session, makes no other account and takes none over."""
    answer = lan.post(PATH, name="hoa", role="admin", why="vì sao", password=typed)
    assert (answer.status_code, '<a href="#password">' in answer.text) == (422, True)
    ways = {"role": {"role": "admin"}, "password": {"factor": "1"}, "second-factor": {}}
    for way, fields in ways.items():
        answer = lan.post(f"{PATH}/{minh.id}/{way}", why="vì sao", **fields, **({"password": typed} if typed else {}))
        assert (answer.status_code, f'<a href="#{way}-own">' in answer.text) == (422, True), way
        assert 'value="vì sao"' in answer.text
    assert other.get("/operator/account").status_code == 200
    with transaction(open_contest.engine) as connection:
        assert {(one.name, one.role) for one in all_operators(connection)} == {
            ("lan", Role.ADMIN),
            ("minh", Role.MODERATOR),
        }
    minh.change(active=False)
    assert lan.post(f"{PATH}/{minh.id}/active", active="yes").status_code == 422
    assert lan.post(f"{PATH}/{minh.id}/sessions", all="1").status_code == 303, "what shows somebody out asks nothing"


@pytest.mark.parametrize(
    ("way", "fields", "action"),
    [
        ("role", {"role": "viewer"}, "operator.role"),
        ("active", {"active": "no"}, "operator.active"),
        ("password", {}, "operator.reset"),
        ("second-factor", {}, "operator.reset"),
        ("sessions", {"all": "1"}, "operator.sessions"),
    ],
)
def test_a_change_ends_the_sessions_at_once_and_is_written_down(
    lan: Visitor, minh: Known, other: Visitor, open_contest: Stage, way: str, fields: dict[str, str], action: str
) -> None:
    assert lan.post(f"{PATH}/{minh.id}/{way}", password=PASSWORD, why="vì sao", **fields).status_code in {200, 303}
    assert other.get("/operator/account").headers["location"].startswith("/operator/login")
    ((who, subject, _, _),) = audited(open_contest.engine, action)
    assert (who, subject) == ("lan", f"operator:{minh.id}")


@pytest.mark.parametrize("page", ["", "?done=role", "?done=unknown"])
def test_the_page_of_another_operator_opens(lan: Visitor, minh: Known, page: str) -> None:
    opened = lan.get(f"{PATH}/{minh.id}{page}")
    assert opened.status_code == 200
    assert "Cấp mật khẩu mới" in opened.text


def test_another_role_is_in_force_at_the_next_login(
    lan: Visitor, minh: Known, console: RunningApi, open_contest: Stage
) -> None:
    lan.post(f"{PATH}/{minh.id}/role", password=PASSWORD, role="admin")
    with Visitor(console) as later:
        later.enter(minh)
        assert later.get(PATH).status_code == 200
    ((_, _, before, after),) = audited(open_contest.engine, "operator.role")
    assert (before, after) == ({"role": "moderator"}, {"role": "admin"})


def test_who_is_disabled_is_out_until_enabled(lan: Visitor, minh: Known, console: RunningApi) -> None:
    lan.post(f"{PATH}/{minh.id}/active", active="no")
    with Visitor(console) as later:
        assert later.log_in("minh").status_code == 422
        lan.post(f"{PATH}/{minh.id}/active", password=PASSWORD, active="yes")
        later.enter(minh)


def test_a_step_of_a_login_after_the_change_is_refused(lan: Visitor, minh: Known, console: RunningApi) -> None:
    """Between password and code the admin disables the operator."""
    with Visitor(console) as half:
        half.log_in("minh")
        lan.post(f"{PATH}/{minh.id}/active", active="no")
        answer = half.post("/operator/second-factor", code=minh.code())
        assert answer.headers["location"].startswith("/operator/login")
        assert half.get("/operator/account").status_code == 303


def test_a_login_that_is_under_way_while_the_admin_decides_ends_with_it(
    minh: Known, console: RunningApi, open_contest: Stage, scratch: str
) -> None:
    """The code is sent when the change is written but not committed: it waits for the lock, and sees the change."""
    with Visitor(console) as half, ThreadPoolExecutor(1) as beside, scratch_client(scratch) as client:
        half.log_in("minh")
        with transaction(open_contest.engine) as connection:
            change_operator(connection, minh.id, role="viewer")
            sent = beside.submit(half.post, "/operator/second-factor", code=minh.code())
            wait_for(lambda: _waits_for_a_lock(open_contest.engine), what="the login waits")
            end_all(client, minh.id)
        assert sent.result().headers["location"].startswith("/operator/login")
        assert half.get("/operator/account").status_code == 303
        assert sessions_of(client, minh.id) == []


@pytest.mark.parametrize("change", ["disabled", "another password"])
def test_a_right_password_is_wrong_when_the_admin_was_faster(
    minh: Known, console: RunningApi, open_contest: Stage, change: str
) -> None:
    with Visitor(console) as come, ThreadPoolExecutor(1) as beside:
        with transaction(open_contest.engine) as connection:
            if change == "disabled":
                change_operator(connection, minh.id, active=False)
            else:
                set_password(connection, minh.id, "another hash", given=True)
            sent = beside.submit(come.log_in, "minh")
            wait_for(lambda: _waits_for_a_lock(open_contest.engine), what="the login waits")
        assert sent.result().status_code == 422
        assert come.token == ""


def _waits_for_a_lock(engine: Engine) -> bool:
    with transaction(engine) as connection:
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return connection.exec_driver_sql(query).first() is not None


@pytest.mark.parametrize("factor", ["", "1"])
def test_a_new_password_and_what_becomes_of_the_second_factor(
    lan: Visitor, minh: Known, console: RunningApi, factor: str
) -> None:
    password = given(lan.post(f"{PATH}/{minh.id}/password", password=PASSWORD, factor=factor).text)
    with Visitor(console) as later:
        assert later.log_in("minh").status_code == 422
        leads = later.log_in("minh", password).headers["location"]
        assert leads.startswith("/operator/new-password" if factor else "/operator/second-factor?")


def test_a_lost_phone(lan: Visitor, minh: Known, console: RunningApi) -> None:
    lan.post(f"{PATH}/{minh.id}/second-factor", password=PASSWORD)
    with Visitor(console) as later:
        assert later.log_in("minh").headers["location"].startswith("/operator/second-factor/set-up")


def test_an_admin_opens_the_door_again(lan: Visitor, minh: Known, console: RunningApi) -> None:
    with Visitor(console) as attacker, Visitor(console) as owner:
        for _ in range(6):
            attacker.log_in("minh", "một mật khẩu khác hẳn")
        assert owner.log_in("minh").status_code == 429
        assert "Mở khoá đăng nhập" in lan.get(f"{PATH}/{minh.id}").text
        lan.post(f"{PATH}/{minh.id}/unlock")
        assert "Mở khoá đăng nhập" not in lan.get(f"{PATH}/{minh.id}").text
        owner.enter(minh)


def test_one_session_is_ended(lan: Visitor, minh: Known, other: Visitor, console: RunningApi) -> None:
    with Visitor(console) as second:
        second.enter(minh, 1)
        lan.post(f"{PATH}/{minh.id}/sessions", digest=digest_of(other.token))
        assert [one.get("/operator/account").status_code for one in (other, second)] == [303, 200]
        lan.post(f"{PATH}/{minh.id}/sessions", digest=digest_of(lan.token))
    assert lan.get("/operator/account").status_code == 200, "the digest was not one of Minh's"


@pytest.mark.parametrize("way", ["role", "active", "password", "second-factor", "unlock", "sessions"])
def test_nobody_changes_themselves_here(lan: Visitor, known: Known, open_contest: Stage, way: str) -> None:
    answer = lan.post(f"{PATH}/{known.id}/{way}", password=PASSWORD, role="viewer", active="no", all="1")
    assert answer.status_code == 422
    with transaction(open_contest.engine) as connection:
        found = find_operator(connection, known.id)
    assert found is not None
    assert (found.role, found.active, found.has_totp, found.password_is_new) == (Role.ADMIN, True, True, False)


@pytest.mark.parametrize("operator_id", [0, 999_999, 2**31, 10**30])
def test_who_does_not_exist_is_not_found(lan: Visitor, operator_id: int) -> None:
    assert lan.get(f"{PATH}/{operator_id}").status_code == 404
    assert lan.post(f"{PATH}/{operator_id}/role", password=PASSWORD, role="viewer").status_code == 404


def test_two_admins_who_demote_each_other_at_once_leave_one(
    lan: Visitor, known: Known, console: RunningApi, open_contest: Stage
) -> None:
    for number in range(5):
        rival = Known(open_contest.engine, name=f"doi.thu.{number}")
        with Visitor(console) as come, ThreadPoolExecutor(2) as both:
            come.enter(rival)
            first = both.submit(lan.post, f"{PATH}/{rival.id}/role", password=PASSWORD, role="viewer")
            second = both.submit(come.post, f"{PATH}/{known.id}/active", active="no")
            assert {first.result().status_code, second.result().status_code} & {303}
        with transaction(open_contest.engine) as connection:
            left = [one for one in all_operators(connection) if one.active and one.role is Role.ADMIN]
        assert len(left) == 1
        known.change(active=True, role="admin")
        rival.change(active=False)
        lan.post("/operator/logout")
        lan.log_in("lan")
        lan.post("/operator/second-factor", code=known.recovery[number])


def test_an_admin_who_was_demoted_at_this_moment_changes_nothing(
    lan: Visitor, known: Known, minh: Known, open_contest: Stage
) -> None:
    """The session still says admin; the ledger does not."""
    known.change(role="viewer")
    assert lan.post(f"{PATH}/{minh.id}/role", password=PASSWORD, role="admin").status_code == 403
    assert audited(open_contest.engine, "operator.role") == []


def test_no_secret_stands_in_the_log(lan: Visitor, minh: Known, other: Visitor, open_contest: Stage) -> None:
    password = given(lan.post(f"{PATH}/{minh.id}/password", password=PASSWORD, why="quên").text)
    with transaction(open_contest.engine) as connection:
        log = str(connection.exec_driver_sql("SELECT * FROM audit").all())
    for secret in (password, PASSWORD, minh.secret, minh.recovery[0], "argon2", lan.token, other.token):
        assert secret not in log

"""Login by name and password, the lock, the given password, log-out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import monotonic
from urllib.parse import quote

import pytest
import redis
from argon2 import PasswordHasher
from pydantic import SecretStr

from models import password as passwords
from models.database import transaction
from models.operator import Role, find_operator
from models.operator_secrets import password_hash, set_password
from models.password import normal
from tests.api.operators.desk import OWN, Desk
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited
from tests.api.running import RunningApi, settings_for
from tests.workers.contests import Stage

WRONG = "Tên đăng nhập hoặc mật khẩu không đúng."


@pytest.fixture
def visitor(console: RunningApi) -> Iterator[Visitor]:
    with Visitor(console) as come:
        yield come


def test_a_right_password_alone_opens_nothing(visitor: Visitor, open_contest: Stage) -> None:
    Known(open_contest.engine)
    answer = visitor.log_in("LAN ", next="/operator/audit")
    assert (answer.status_code, answer.headers["location"]) == (303, "/operator/second-factor?next=/operator/audit")
    for path in ("/operator/account", "/operator/audit", "/operator/operators", "/operator/new-password"):
        assert visitor.get(path).status_code == 303, path
    assert audited(open_contest.engine, "operator.login") == []


def test_a_viewer_without_a_second_factor_is_in(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine, Role.VIEWER, factor=False)
    answer = visitor.log_in("lan")
    assert answer.headers["location"] == "/operator/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert visitor.get("/operator/account").status_code == 200
    (line,) = audited(open_contest.engine, "operator.login")
    assert line == ("lan", f"operator:{known.id}", None, {"second_factor": ""})
    with transaction(open_contest.engine) as connection:
        found = find_operator(connection, known.id)
    assert found is not None
    assert found.logged_in_at is not None


def test_by_https_the_cookie_is_for_this_host_alone(
    open_contest: Stage, box: str, database: str, scratch: str, tmp_path: Path
) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    settings = settings_for(
        box,
        database_url=SecretStr(database),
        scratch_url=SecretStr(scratch),
        data_dir=tmp_path,
        public_origin="https://binhchon.example.vn",
        smtp_url=SecretStr("smtp://127.0.0.1:1"),
        mail_from="binhchon@example.vn",
    )
    running = RunningApi(settings)
    try:
        with Visitor(running) as come:
            cookie = come.log_in("lan").headers["set-cookie"]
    finally:
        running.stop()
    assert cookie.startswith("__Host-operator=")
    assert {"Path=/", "Secure", "HttpOnly"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize("why", ["unknown", "wrong", "disabled"])
def test_every_refusal_reads_the_same(visitor: Visitor, open_contest: Stage, why: str) -> None:
    known = Known(open_contest.engine)
    if why == "disabled":
        known.change(active=False)
    name = "khong.co" if why == "unknown" else "lan"
    answer = visitor.log_in(name, "một mật khẩu khác hẳn" if why == "wrong" else PASSWORD)
    assert answer.status_code == 422
    assert answer.text.count(WRONG) == 1
    assert f'value="{name}"' in answer.text
    assert PASSWORD not in answer.text
    assert "set-cookie" not in answer.headers


def test_an_unknown_name_takes_as_long_as_a_wrong_password(visitor: Visitor, open_contest: Stage) -> None:
    """Medians of 9 each, in turn. Without the decoy an unknown name is told in a tenth of the time."""
    took: dict[str, list[float]] = {"lan": [], "khong": []}
    for number in range(9):
        Known(open_contest.engine, name=f"lan{number}", factor=False)
        for name, times in took.items():
            began = monotonic()
            assert visitor.log_in(f"{name}{number}", "một mật khẩu khác hẳn").status_code == 422
            times.append(monotonic() - began)
    assert 1 / 3 < median(took["lan"]) / median(took["khong"]) < 3


def test_the_sixth_try_is_refused_whatever_it_is(visitor: Visitor, console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as working:
        working.enter(known)
        for _ in range(5):
            assert visitor.log_in("lan", "một mật khẩu khác hẳn").status_code == 422
        answer = visitor.log_in("lan")
        assert answer.status_code == 429
        assert "Hãy thử lại sau" in answer.text
        assert visitor.token == ""
        assert working.get("/operator/account").status_code == 200, "a session that is in force goes on"
    (line,) = audited(open_contest.engine, "operator.shut_out")
    assert line == ("login", f"operator:{known.id}", None, {"wrong_passwords": 5})


def test_a_name_that_nobody_has_is_shut_out_too_and_stands_in_no_log(visitor: Visitor, open_contest: Stage) -> None:
    answers = [visitor.log_in("khong.co", "một mật khẩu khác hẳn") for _ in range(6)]
    assert [one.status_code for one in answers] == [422] * 5 + [429]
    assert audited(open_contest.engine, "operator.shut_out") == []


def test_fifty_guesses_at_once_are_five(console: RunningApi, open_contest: Stage) -> None:
    """Those that find no place are told so (503), and were not counted."""
    Known(open_contest.engine)

    def guess(_: int) -> int:
        with Visitor(console) as one:
            return one.log_in("lan", "một mật khẩu khác hẳn").status_code

    with ThreadPoolExecutor(25) as many:
        codes = list(many.map(guess, range(50)))
    assert codes.count(422) == 5
    assert set(codes) <= {422, 429, 503}


def test_who_was_right_has_five_tries_again(visitor: Visitor, console: RunningApi, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    for _ in range(3):
        for _ in range(4):
            assert visitor.log_in("lan", "một mật khẩu khác hẳn").status_code == 422
        with Visitor(console) as right:
            assert right.log_in("lan").status_code == 303


@pytest.mark.parametrize("fields", [{}, {"name": "lan"}, {"password": "x"}, {"name": "x" * 5_000, "password": "x"}])
def test_what_is_missing_is_asked_for(visitor: Visitor, fields: dict[str, str], scratch: str) -> None:
    assert visitor.post("/operator/login", **fields).status_code == 422
    with redis.Redis.from_url(scratch) as client:
        assert client.keys("operator*") == []


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "/operator/login", "/", "/operator/../", ""])
def test_nobody_is_sent_elsewhere_after_the_login(visitor: Visitor, open_contest: Stage, back: str) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    assert visitor.log_in("lan", next=back).headers["location"] == "/operator/"
    assert visitor.get(f"/operator/login?next={quote(back)}").headers["location"] == "/operator/"


def test_a_form_of_another_website_logs_nobody_in(visitor: Visitor, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    sent = {"name": "lan", "password": PASSWORD}
    answer = visitor.client.post("/operator/login", data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert visitor.token == ""


def test_each_step_has_a_new_token_and_the_old_one_is_dead(
    visitor: Visitor, console: RunningApi, open_contest: Stage
) -> None:
    known = Known(open_contest.engine, given=True)
    visitor.log_in("lan")
    first = visitor.token
    visitor.post("/operator/second-factor", code=known.code())
    second = visitor.token
    visitor.post("/operator/new-password", new="một hai ba bốn năm", again="một hai ba bốn năm")
    third = visitor.token
    assert len({first, second, third}) == 3
    for token, status in ((first, 303), (second, 303), (third, 200)):
        answer = console.client.get("/operator/account", headers={"Cookie": f"operator={token}"})
        assert answer.status_code == status


def test_a_given_password_must_be_changed_first(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine, Role.VIEWER, given=True, factor=False)
    assert visitor.log_in("lan").headers["location"] == "/operator/new-password?next=/operator/"
    assert visitor.get("/operator/account").status_code == 303
    for new, again in (("ngắn", "ngắn"), ("một hai ba bốn năm", "khác"), (PASSWORD, PASSWORD), ("", "")):
        answer = visitor.post("/operator/new-password", new=new, again=again)
        assert answer.status_code == 422
    assert visitor.get("/operator/account").status_code == 303
    answer = visitor.post("/operator/new-password", new="một hai ba bốn năm", again="một hai ba bốn năm")
    assert answer.headers["location"] == "/operator/"
    assert visitor.get("/operator/account").status_code == 200
    (line,) = audited(open_contest.engine, "operator.password")
    assert line == ("lan", f"operator:{known.id}", None, {"password": "own"})
    assert visitor.get("/operator/new-password").headers["location"] == "/operator/"


def test_a_change_of_the_given_password_ends_who_else_used_it(console: RunningApi, open_contest: Stage) -> None:
    """Two people know a given password: who is first chooses the own one, and the other is out."""
    Known(open_contest.engine, Role.VIEWER, given=True, factor=False)
    with Visitor(console) as owner, Visitor(console) as thief:
        thief.log_in("lan")
        owner.log_in("lan")
        owner.post("/operator/new-password", new="một hai ba bốn năm", again="một hai ba bốn năm")
        answer = thief.post("/operator/new-password", new="mật khẩu của kẻ trộm", again="mật khẩu của kẻ trộm")
        assert answer.headers["location"].startswith("/operator/login")
        assert thief.log_in("lan").status_code == 422
        assert owner.get("/operator/account").status_code == 200


def test_a_password_is_hashed_anew_when_the_parameters_change(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine, Role.VIEWER, factor=False)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(normal(PASSWORD))
    with transaction(open_contest.engine) as connection:
        set_password(connection, known.id, weak, given=False)
    assert visitor.log_in("lan").status_code == 303
    with transaction(open_contest.engine) as connection:
        kept = password_hash(connection, known.id)
    assert kept is not None
    assert kept != weak
    assert not passwords.is_outdated(kept)
    assert passwords.fits(kept, PASSWORD)


def test_logging_out_ends_the_session_itself(visitor: Visitor, console: RunningApi, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.VIEWER, factor=False)
    visitor.log_in("lan")
    token = visitor.token
    assert visitor.post("/operator/logout").headers["location"] == "/operator/login"
    assert visitor.token == ""
    answer = console.client.get("/operator/account", headers={"Cookie": f"operator={token}"})
    assert answer.status_code == 303
    assert len(audited(open_contest.engine, "operator.logout")) == 1


def test_log_out_needs_the_token_of_the_form(desk: Callable[..., Desk]) -> None:
    lan = desk(Role.VIEWER)
    assert lan.client.post("/operator/logout", data={"csrf": "x"}, headers=OWN).status_code == 403
    assert lan.get("/operator/account").status_code == 200

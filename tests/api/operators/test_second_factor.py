"""The second factor: each code counts once, its set-up cannot be stolen or repeated."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from models.database import transaction
from models.operator import Role, find_operator
from models.operator_secrets import totp_secret
from models.second_factor import opened_of_operator
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited, hidden
from tests.api.running import RunningApi
from tests.workers.contests import KEYS, Stage

CODE = "/operator/second-factor"
SET_UP = "/operator/second-factor/set-up"
WRONG = "Mã không đúng hoặc đã được dùng."


@pytest.fixture
def visitor(console: RunningApi) -> Iterator[Visitor]:
    with Visitor(console) as come:
        yield come


def test_the_code_opens_the_console_and_leads_back(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    visitor.log_in("lan", next="/operator/audit")
    assert hidden(visitor.get(f"{CODE}?next=/operator/audit"), "next") == "/operator/audit"
    answer = visitor.post(CODE, code=known.code(), next="/operator/audit")
    assert (answer.status_code, answer.headers["location"]) == (303, "/operator/audit")
    assert visitor.get("/operator/audit").status_code == 200
    assert [line[3] for line in audited(open_contest.engine, "operator.login")] == [{"second_factor": "code"}]


@pytest.mark.parametrize("typed", ["", "000000 0", "abcdef", "0123456789", "x" * 150])
def test_a_wrong_code_opens_nothing(visitor: Visitor, open_contest: Stage, typed: str) -> None:
    Known(open_contest.engine)
    visitor.log_in("lan")
    answer = visitor.post(CODE, code=typed)
    assert answer.status_code == 422
    assert WRONG in answer.text
    assert visitor.get("/operator/account").status_code == 303


def test_a_code_that_was_used_is_refused_and_every_older_one(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as first, Visitor(console) as second:
        for come in (first, second):
            come.log_in("lan")
        seen = known.code(1)
        assert first.post(CODE, code=seen).status_code == 303
        assert second.post(CODE, code=seen).status_code == 422
        assert second.post(CODE, code=known.code()).status_code == 422


def test_ten_at_once_with_one_code_are_one(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    come = [Visitor(console) for _ in range(4)]
    for one in come:
        one.log_in("lan")
    code = known.code()
    with ThreadPoolExecutor(4) as many:
        answers = list(many.map(lambda one: one.post(CODE, code=code).status_code, come))
    assert sorted(answers) == [303, 422, 422, 422]
    for one in come:
        one.client.close()


def test_a_recovery_code_counts_once(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as first, Visitor(console) as second:
        for come in (first, second):
            come.log_in("lan")
        assert first.post(CODE, code=known.recovery[4].lower()).status_code == 303
        assert second.post(CODE, code=known.recovery[4]).status_code == 422
        assert second.post(CODE, code=known.recovery[5]).status_code == 303
    with transaction(open_contest.engine) as connection:
        found = find_operator(connection, known.id)
    assert found is not None
    assert found.recovery_codes == 8
    assert [line[3] for line in audited(open_contest.engine, "operator.login")] == [
        {"second_factor": "recovery code"}
    ] * 2


def test_codes_are_not_guessed(console: RunningApi, open_contest: Stage) -> None:
    """Counted for the operator, not for the session; logging in again with the password gives no new tries."""
    known = Known(open_contest.engine)
    for _ in range(5):
        with Visitor(console) as guessing:
            guessing.log_in("lan")
            assert guessing.post(CODE, code="000000 ").status_code == 422
    with Visitor(console) as right:
        right.log_in("lan")
        assert right.post(CODE, code=known.code()).status_code == 429
        assert right.get("/operator/account").status_code == 303
    (line,) = audited(open_contest.engine, "operator.shut_out")
    assert line == ("login", f"operator:{known.id}", None, {"wrong_codes": 5})


def test_a_moderator_sets_it_up_before_anything_opens(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine, Role.MODERATOR, factor=False)
    assert visitor.log_in("lan").headers["location"] == f"{SET_UP}?next=/operator/"
    page = visitor.get(SET_UP)
    assert "<svg" in page.text
    assert "style=" not in page.text
    secret = _shown(page.text)
    assert secret not in hidden(page, "offer")
    assert visitor.post(SET_UP, code="000000", offer=hidden(page, "offer")).status_code == 422
    assert visitor.get("/operator/account").status_code == 303
    done = visitor.post(SET_UP, code=pyotp.TOTP(secret).now(), offer=hidden(page, "offer"))
    assert done.status_code == 200
    assert done.text.count("<li><code>") == 10
    assert visitor.get("/operator/account").status_code == 200
    with transaction(open_contest.engine) as connection:
        sealed = totp_secret(connection, known.id)
    assert sealed is not None
    assert secret.encode() not in sealed
    assert opened_of_operator(KEYS, known.id, sealed) == secret
    (line,) = audited(open_contest.engine, "operator.set_up")
    assert line[2:] == ({"second_factor": False}, {"second_factor": True})


def test_the_form_of_the_page_with_the_codes_works(visitor: Visitor, open_contest: Stage) -> None:
    """The session is new with that page: its log-out must carry the token of the new one."""
    Known(open_contest.engine, Role.MODERATOR, factor=False)
    visitor.log_in("lan")
    page = visitor.get(SET_UP)
    done = visitor.post(SET_UP, code=pyotp.TOTP(_shown(page.text)).now(), offer=hidden(page, "offer"))
    left = visitor.post("/operator/logout", csrf=hidden(done, "csrf"))
    assert left.headers["location"] == "/operator/login"


def test_the_code_of_the_set_up_is_used(visitor: Visitor, open_contest: Stage) -> None:
    Known(open_contest.engine, Role.MODERATOR, factor=False)
    visitor.log_in("lan")
    page = visitor.get(SET_UP)
    app = pyotp.TOTP(_shown(page.text))
    code = app.now()
    assert visitor.post(SET_UP, code=code, offer=hidden(page, "offer")).status_code == 200
    visitor.post("/operator/logout")
    visitor.log_in("lan")
    assert visitor.post(CODE, code=code).status_code == 422


def test_an_offer_of_another_session_is_refused(console: RunningApi, open_contest: Stage) -> None:
    """Who chooses the secret for somebody else would have their codes."""
    Known(open_contest.engine, Role.MODERATOR, "ke.trom", factor=False)
    known = Known(open_contest.engine, Role.MODERATOR, factor=False)
    with Visitor(console) as thief, Visitor(console) as owner:
        thief.log_in("ke.trom")
        owner.log_in("lan")
        page = thief.get(SET_UP)
        code = pyotp.TOTP(_shown(page.text)).now()
        for offer in (hidden(page, "offer"), "", "AAAA"):
            assert owner.post(SET_UP, code=code, offer=offer).status_code == 422
    with transaction(open_contest.engine) as connection:
        assert totp_secret(connection, known.id) is None


def test_the_second_to_set_it_up_is_out(console: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine, Role.MODERATOR, factor=False)
    with Visitor(console) as thief, Visitor(console) as owner:
        for come in (thief, owner):
            come.log_in("lan")
        stolen, page = thief.get(SET_UP), owner.get(SET_UP)
        secret = _shown(page.text)
        assert owner.post(SET_UP, code=pyotp.TOTP(secret).now(), offer=hidden(page, "offer")).status_code == 200
        late = thief.post(SET_UP, code=pyotp.TOTP(_shown(stolen.text)).now(), offer=hidden(stolen, "offer"))
        assert late.headers["location"].startswith("/operator/login")
    with transaction(open_contest.engine) as connection:
        assert opened_of_operator(KEYS, known.id, totp_secret(connection, known.id) or b"") == secret


def test_who_has_given_no_code_cannot_choose_another_secret(visitor: Visitor, open_contest: Stage) -> None:
    Known(open_contest.engine)
    visitor.log_in("lan")
    assert visitor.get(SET_UP).headers["location"].startswith(f"{CODE}?")
    assert visitor.post(SET_UP, code="000000", offer="AAAA").status_code == 422
    assert visitor.post("/operator/account/second-factor", password=PASSWORD).status_code == 303


def test_a_secret_under_another_identity_key_is_told(visitor: Visitor, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("UPDATE operators SET totp_secret = 'x' || totp_secret")
    visitor.log_in("lan")
    answer = visitor.post(CODE, code=known.code())
    assert answer.status_code == 409
    assert "đặt lại" in answer.text
    assert visitor.post(CODE, code=known.recovery[0]).status_code == 303


def _shown(text: str) -> str:
    """The secret that is shown to be typed."""
    secret = text.partition('<code class="secret">')[2].partition("</code>")[0]
    assert secret
    return secret.replace(" ", "")

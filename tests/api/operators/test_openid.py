"""Operators log in by an OpenID provider (npm's oidc-provider): only with an identity that they have linked."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.voters.oidc_flow import Flow, Flows, new_state
from models.database import transaction
from models.oidc import Provider
from models.operator import find_operator
from models.operator_openid import openid_digest
from models.secrets import KeyRing
from tests.api.operators.desk import console_on
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited
from tests.api.running import RunningApi
from tests.api.voters.oidc_real import SECRET, RealProvider, back_from, leads_to, need_installed, to_the_form
from tests.workers.contests import KEYS, Stage

ACCOUNT = "/operator/account"
OTHER = KeyRing("another installation", ("made up too",))


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealProvider]:
    need_installed()
    provider = RealProvider(tmp_path / "log")
    yield provider
    provider.stop()


@pytest.fixture
def api(
    open_contest: Stage, box: str, database: str, scratch: str, tmp_path: Path, real: RealProvider
) -> Iterator[RunningApi]:
    provider = Provider("that", "Nhà cung cấp", real.issuer, "binhchon", SecretStr(SECRET))
    with console_on(box, database, scratch, tmp_path, oidc_providers=(provider,)) as running:
        real.start(f"{running.url}/operator/openid/that/callback")
        yield running


@pytest.fixture
def known(open_contest: Stage) -> Known:
    return Known(open_contest.engine)


@pytest.fixture
def visitor(api: RunningApi) -> Iterator[Visitor]:
    with Visitor(api) as come:
        yield come


def through(visitor: Visitor, way: str, name: str, **fields: str) -> str:
    """Presses the button of `way` and logs in at the provider as `name`; the address of the callback."""
    form = to_the_form(visitor.client, leads_to(visitor.post(way, **fields)))
    return back_from(visitor.client, form, name=name)


def link(visitor: Visitor, name: str) -> str:
    """Links the identity of `name` on the own page; the address that follows."""
    address = through(visitor, f"{ACCOUNT}/openid/that", name, password=PASSWORD)
    return visitor.get(address).headers["location"]


def linked(stage: Stage, known: Known) -> bool:
    with transaction(stage.engine) as connection:
        found = find_operator(connection, known.id)
    assert found is not None
    return found.openid_linked


def test_a_linked_identity_stands_for_the_password_and_never_for_the_code(
    api: RunningApi, visitor: Visitor, known: Known, open_contest: Stage
) -> None:
    visitor.enter(known)
    assert link(visitor, "an") == f"{ACCOUNT}?done=openid"
    with Visitor(api) as later:
        assert "Đăng nhập bằng Nhà cung cấp" in later.get("/operator/login").text
        entered = later.get(through(later, "/operator/openid/that", "an", next="/operator/audit"))
        assert entered.headers["location"] == "/operator/second-factor?next=/operator/audit"
        assert later.get(ACCOUNT).status_code == 303
        assert later.post("/operator/second-factor", code=known.code(1)).status_code == 303
        assert later.get(ACCOUNT).status_code == 200
    ((who, _, before, after),) = audited(open_contest.engine, "operator.openid")
    assert (who, before, after) == ("lan", {"openid": False}, {"openid": "that"})


def test_an_identity_that_nobody_has_linked_is_nobody(visitor: Visitor, known: Known, open_contest: Stage) -> None:
    answer = visitor.get(through(visitor, "/operator/openid/that", "lan"))
    assert answer.status_code == 403
    assert "chưa được liên kết" in answer.text
    assert visitor.token == ""
    assert not linked(open_contest, known)


def test_to_link_needs_the_password(visitor: Visitor, known: Known) -> None:
    visitor.enter(known)
    for password in ("", "không đúng chút nào"):
        assert visitor.post(f"{ACCOUNT}/openid/that", password=password).status_code == 422


def test_a_disabled_operator_stays_out(api: RunningApi, visitor: Visitor, known: Known) -> None:
    link(visitor.enter(known), "an")
    known.change(active=False)
    with Visitor(api) as later:
        assert later.get(through(later, "/operator/openid/that", "an")).status_code == 403


def test_one_identity_is_one_operator(api: RunningApi, visitor: Visitor, known: Known, open_contest: Stage) -> None:
    link(visitor.enter(known), "an")
    other = Known(open_contest.engine, name="minh")
    with Visitor(api) as minh:
        minh.enter(other)
        address = through(minh, f"{ACCOUNT}/openid/that", "an", password=PASSWORD)
        assert minh.get(address).status_code == 422
    assert not linked(open_contest, other)


def test_a_callback_links_in_the_session_alone_that_asked(
    api: RunningApi, visitor: Visitor, known: Known, open_contest: Stage
) -> None:
    """The operator logs out and another logs in at the same browser, before the provider sends it back."""
    visitor.enter(known)
    other = Known(open_contest.engine, name="minh")
    address = through(visitor, f"{ACCOUNT}/openid/that", "an", password=PASSWORD)
    visitor.post("/operator/logout")
    visitor.enter(other)
    assert visitor.get(address).status_code == 403
    assert not linked(open_contest, known)
    assert not linked(open_contest, other)


def test_a_callback_of_another_browser_is_refused(api: RunningApi, visitor: Visitor, known: Known) -> None:
    link(visitor.enter(known), "an")
    with Visitor(api) as thief, Visitor(api) as victim:
        address = through(thief, "/operator/openid/that", "an")
        assert victim.get(address).status_code == 403
        assert victim.token == ""
        assert thief.get(address).status_code == 303
        assert thief.get(address).status_code == 403, "each counts once"


def test_the_link_is_taken_away(api: RunningApi, visitor: Visitor, known: Known, open_contest: Stage) -> None:
    link(visitor.enter(known), "an")
    assert visitor.post(f"{ACCOUNT}/openid-remove", password="không đúng chút nào").status_code == 422
    assert linked(open_contest, known)
    assert visitor.post(f"{ACCOUNT}/openid-remove", password=PASSWORD).status_code == 303
    assert not linked(open_contest, known)
    with Visitor(api) as later:
        assert later.get(through(later, "/operator/openid/that", "an")).status_code == 403


def test_a_new_password_of_an_admin_takes_the_link_away(
    api: RunningApi, visitor: Visitor, known: Known, open_contest: Stage
) -> None:
    admin = Known(open_contest.engine, name="quan.tri")
    link(visitor.enter(known), "an")
    with Visitor(api) as come:
        come.enter(admin)
        assert come.post(f"/operator/operators/{known.id}/password", password=PASSWORD).status_code == 200
    assert not linked(open_contest, known)


def test_a_voters_login_is_none_of_an_operator(visitor: Visitor, known: Known) -> None:
    """A cookie that was sealed for a voter, under the name that an operator's would have."""
    flow = Flow(new_state(), "that", "/operator/", ())
    sealed = Flows(KEYS, secure=False).cookie(flow, time.time()).partition(";")[0]
    name, _, value = sealed.partition("=")
    visitor.client.cookies.set(f"operator-{name}", value)
    answer = visitor.get("/operator/openid/that/callback", params={"state": flow.state, "code": "x"})
    assert answer.status_code == 403
    own = Flows(KEYS, secure=False, of="operator-oidc").cookie(flow, time.time()).partition(";")[0].partition("=")
    visitor.client.cookies.set(own[0], own[2])
    answer = visitor.get("/operator/openid/that/callback", params={"state": flow.state, "iss": "x", "code": "x"})
    assert answer.status_code == 502, "a cookie of ours gets as far as the issuer's name"


def test_a_provider_that_does_not_answer_is_told(api: RunningApi, visitor: Visitor, real: RealProvider) -> None:
    real.stop()
    answer = visitor.post("/operator/openid/that")
    assert answer.status_code == 503
    assert "Nhà cung cấp không trả lời" in answer.text
    assert visitor.post("/operator/openid/khac").status_code == 404


def test_digests_are_keyed_and_keep_issuer_and_subject_apart() -> None:
    assert openid_digest(KEYS, "a", "bc") != openid_digest(KEYS, "ab", "c")
    assert openid_digest(KEYS, "a", "bc") != openid_digest(OTHER, "a", "bc")

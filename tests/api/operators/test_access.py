"""Who may do what: each role against each route of the console, from the application's own list of routes."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.operators.access import Needs, Standing
from models.operator import Role
from models.scratch import operator_sessions
from tests.api.operators.desk import OWN, Desk
from tests.api.running import RunningApi


def rules_of(dependant: Dependant) -> list[Needs]:
    found = [dependant.call] if isinstance(dependant.call, Needs) else []
    return found + [rule for inner in dependant.dependencies for rule in rules_of(inner)]


def every_route(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        yield from every_route(inner.routes) if inner is not None else [route]


def routes(console: RunningApi) -> list[APIRoute]:
    found = [route for route in every_route(console.app.routes) if getattr(route, "path", "").startswith("/operator")]
    assert all(isinstance(route, APIRoute) for route in found), "a route that no rule can be read from"
    return [route for route in found if isinstance(route, APIRoute)]


def calls(console: RunningApi, number: str = "1") -> Iterator[tuple[str, str, Role | Standing]]:
    """(method, path with `number` filled in, what it needs) of every route."""
    for route in routes(console):
        (rule,) = rules_of(route.dependant)
        for method in sorted(route.methods or ()):
            yield method, re.sub(r"{\w+(:\w+)?}", number, route.path), rule.needed


def test_every_route_has_one_rule(console: RunningApi) -> None:
    assert len(routes(console)) > 3
    for route in routes(console):
        assert len(rules_of(route.dependant)) == 1, route.path
        assert not route.include_in_schema, route.path
        assert not route.dependant.body_params, f"{route.path} reads a form before it knows who asks"


WITHOUT_A_ROLE = {
    Standing.ANYBODY: {
        "GET /operator/language",
        "GET /operator/login",
        "POST /operator/login",
        "POST /operator/openid/{name}",
        "GET /operator/openid/{name}/callback",
    },
    Standing.PASSWORD: {
        "POST /operator/logout",
        "GET /operator/second-factor",
        "POST /operator/second-factor",
        "GET /operator/second-factor/set-up",
        "POST /operator/second-factor/set-up",
        "GET /operator/new-password",
        "POST /operator/new-password",
    },
}


def test_only_the_login_opens_without_a_role(console: RunningApi) -> None:
    """Whoever opens another one says so here."""
    found: dict[Role | Standing, set[str]] = {standing: set() for standing in Standing}
    for route in routes(console):
        (rule,) = rules_of(route.dependant)
        found.setdefault(rule.needed, set()).update(f"{method} {route.path}" for method in route.methods or ())
    assert {standing: found[standing] for standing in Standing} == WITHOUT_A_ROLE


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_against_each_route(console: RunningApi, desk: Callable[..., Desk], role: Role | None) -> None:
    wrong = []
    for method, path, needed in calls(console):
        if path == "/operator/logout":
            continue  # it ends the session that is tried; test_login.py has it
        answer = _ask(console, desk(role) if role else None, method, path)
        if needed is Standing.ANYBODY:
            allowed = True
        elif needed is Standing.PASSWORD:
            allowed = role is not None
        else:
            allowed = role is not None and role.may(Role(needed))
        if not allowed and not _refused(answer, role):
            wrong.append(f"{method} {path} needs {needed}, and {role or 'nobody'} got {answer.status_code}")
        if allowed and answer.status_code in {401, 403}:
            wrong.append(f"{method} {path} needs {needed}, and {role} was refused")
        if answer.status_code >= 500:
            wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", [str(2**31), str(2**63), "9" * 5_000])
def test_a_number_that_no_row_can_have_is_no_error(console: RunningApi, desk: Callable[..., Desk], number: str) -> None:
    admin = desk(Role.ADMIN)
    tried = [(method, path) for method, path, _needed in calls(console, number) if number in path]
    assert len(tried) > 30
    wrong = {path[:60]: _ask(console, admin, method, path).status_code for method, path in tried}
    assert not {path: status for path, status in wrong.items() if status >= 500}


@pytest.mark.parametrize(
    "path",
    [
        "/operator/entries?page=" + "9" * 5_000,
        "/operator/entries?contest=" + "9" * 5_000,
        "/operator/claims?page=" + "9" * 5_000,
        "/operator/claims?page=x",
        "/operator/retention?contest=x",
        "/operator/accounts?q=" + "9" * 5_000,
        "/operator/corrections/new?cluster=" + "9" * 5_000,
        "/operator/corrections/new?account=" + "9" * 5_000,
    ],
)
def test_a_query_that_says_no_number_gives_a_page(desk: Callable[..., Desk], path: str) -> None:
    answer = desk(Role.ADMIN).get(path)
    assert answer.status_code < 500
    assert "Bàn điều hành" in answer.text


def _ask(console: RunningApi, desk: Desk | None, method: str, path: str) -> httpx.Response:
    """One call; a stream is left after its head."""
    client = desk.client if desk else console.client
    data = {"csrf": desk.csrf} if desk else {}
    more: dict[str, Any] = {"data": data, "headers": OWN} if method == "POST" else {}
    with client.stream(method, path, **more) as answer:
        return answer


def _refused(answer: httpx.Response, role: Role | None) -> bool:
    if role is None:
        return answer.status_code == 303 and answer.headers["location"].startswith("/operator/login")
    return answer.status_code == 403


def test_without_the_second_factor_nothing_opens(
    console: RunningApi, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = operator_sessions.begin
    monkeypatch.setattr(operator_sessions, "begin", lambda *args, **more: begun(*args, **(more | {"full": False})))
    half = desk(Role.ADMIN)
    for method, path, needed in calls(console):
        if not isinstance(needed, Standing):
            assert _refused(_ask(console, half, method, path), None), path


def forms(console: RunningApi) -> list[str]:
    return [path for method, path, needed in calls(console) if method == "POST" and not isinstance(needed, Standing)]


def test_a_forged_or_missing_token_changes_nothing(console: RunningApi, desk: Callable[..., Desk]) -> None:
    admin, other = desk(Role.ADMIN), desk(Role.ADMIN, "khac")
    for path in forms(console):
        for token in ("", "0" * 32, other.csrf):
            answer = admin.client.post(path, data={"csrf": token}, headers=OWN)
            assert answer.status_code == 403, path


def test_a_call_of_another_website_changes_nothing(console: RunningApi, desk: Callable[..., Desk]) -> None:
    admin = desk(Role.ADMIN)
    for path in forms(console):
        for sign in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": ""}, {"Origin": "https://example.org"}):
            assert admin.post(path, headers={"Sec-Fetch-Site": "", **sign}).status_code == 403, path


def test_too_large_a_form_is_not_read(console: RunningApi, desk: Callable[..., Desk]) -> None:
    admin = desk(Role.ADMIN)
    answer = admin.post("/operator/logout", {"long": "x" * 1024**2})
    assert answer.status_code == 413
    assert admin.get("/operator/audit").status_code == 200


def test_pages_are_never_kept_and_carry_the_policy(console: RunningApi, desk: Callable[..., Desk]) -> None:
    answer = desk(Role.ADMIN).get("/operator/audit")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_what_does_not_exist_is_a_page_of_the_console(desk: Callable[..., Desk]) -> None:
    answer = desk(Role.ADMIN).get("/operator/khong-co")
    assert answer.status_code == 404
    assert "Bàn điều hành" in answer.text

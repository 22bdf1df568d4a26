"""Every address that a page of the console names leads to a route, by the method that it is asked by."""

import re
from pathlib import Path

import pytest
from starlette.routing import Match

from models.settings import ROOT
from tests.api.operators.test_access import routes
from tests.api.running import RunningApi

_ELEMENT = re.compile(r"<(a|form|button)\b([^<>]*)>")
_ADDRESS = re.compile(r'\b(?:href|action|formaction)="(/operator/[^"]*)"')
TEMPLATES = sorted((ROOT / "api/operators/templates").glob("*.html"))


def named(template: Path) -> list[tuple[str, str]]:
    """(method, path) of each, with 1 for what the page fills in."""
    source = template.read_text(encoding="utf-8").replace("{{ asked.query(", "?{{ (")
    found = []
    for element, attributes in _ELEMENT.findall(re.sub(r"\{\{.*?\}\}", "1", source)):
        get = element == "a" or 'method="get"' in attributes
        for address in _ADDRESS.findall(attributes):
            found += [("GET" if get else "POST", path) for path in choices(address)]
    return found


def choices(address: str) -> list[str]:
    """`/a{% if x %}/b{% else %}/c{% endif %}` is `/a/b` and `/a/c`."""
    whole = re.fullmatch(r"(.*?)\{% if .*? %\}(.*?)(?:\{% else %\}(.*?))?\{% endif %\}(.*)", address)
    if whole is None:
        return [address.partition("?")[0].partition("#")[0]]
    start, first, second, end = whole.groups(default="")
    return choices(start + first + end) + choices(start + second + end)


@pytest.fixture(scope="module")
def addresses() -> dict[str, list[tuple[str, str]]]:
    return {template.name: named(template) for template in TEMPLATES}


def test_every_address_leads_somewhere(console: RunningApi, addresses: dict[str, list[tuple[str, str]]]) -> None:
    assert sum(map(len, addresses.values())) > 100
    wrong = []
    for template, found in addresses.items():
        for method, path in found:
            scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
            if not any(route.matches(scope)[0] is Match.FULL for route in routes(console)):
                wrong.append(f"{template}: {method} {path}")
    assert not wrong, "\n".join(wrong)


def test_conditions_are_followed() -> None:
    assert choices("/operator/a/{% if x %}1{% else %}new{% endif %}?y=1") == ["/operator/a/1", "/operator/a/new"]
    assert choices("/operator/b{% if x %}/1{% endif %}") == ["/operator/b/1", "/operator/b"]

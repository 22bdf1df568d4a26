"""The navigation: which section a page belongs to."""

import re
from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute

from api.operators.sections import SECTIONS, sections_for
from models.operator import Role
from tests.api.operators.desk import Desk
from tests.api.operators.test_access import routes
from tests.api.running import RunningApi

OF_NO_SECTION = ("/operator/account", "/operator/language", "/operator/live", "/operator/login", "/operator/logout")
OF_NO_SECTION += ("/operator/new-password", "/operator/openid", "/operator/screen", "/operator/second-factor")
OF_NO_SECTION += ("/operator/session",)


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/operator/", {"Theo dõi": "page"}),
        ("/operator/help", {"Theo dõi": "true"}),
        ("/operator/jobs", {"Theo dõi": "true"}),
        ("/operator/entries", {"Bài dự thi": "page"}),
        ("/operator/imports", {"Bài dự thi": "true"}),
        ("/operator/categories", {"Bài dự thi": "true"}),
        ("/operator/signals/limits", {"Dấu hiệu bất thường": "true"}),
        ("/operator/accounts", {"Loại phiếu": "true"}),
        ("/operator/holidays", {"Yêu cầu về dữ liệu cá nhân": "true"}),
        ("/operator/account", {}),
    ],
)
def test_a_page_marks_its_section(desk: Callable[..., Desk], path: str, marked: dict[str, str]) -> None:
    page = desk(Role.ADMIN).get(path)
    assert page.status_code == 200
    navigation = page.text.partition("<nav")[2].partition("</nav>")[0]
    found = re.findall(r'aria-current="(\w+)">([^<]+)</a>', navigation)
    assert {title: current for current, title in found} == marked


def test_every_page_belongs_to_one_section(console: RunningApi) -> None:
    """Whoever adds a page of its own kind says where it belongs, here or in the sections."""
    for route in routes(console):
        assert isinstance(route, APIRoute)
        homes = [section.title for section in SECTIONS if section.has(route.path)]
        apart = [root for root in OF_NO_SECTION if route.path == root or route.path.startswith(f"{root}/")]
        assert len(homes) + len(apart) == 1, (route.path, homes, apart)


def test_nobody_sees_a_navigation_before_the_login() -> None:
    assert sections_for(None, "/operator/") == []

"""`task.js`: a page follows its task, and what an operator is writing meanwhile stays. On a made-up page, without a
stack.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from models.settings import ROOT

ADDRESS = "http://console.invalid/"
FORM = """
<form>
<input aria-label="Lý do" value="Như cũ"><textarea aria-label="Nội dung">Đã có</textarea>
<select aria-label="Lĩnh vực"><option>Một</option><option>Hai</option></select>
<label><input type="checkbox"> Xác nhận</label>
</form>
"""


class Server:
    """Answers with the page as `state` makes it."""

    def __init__(self) -> None:
        self.state = "running"
        self.looks = 0

    def page(self) -> str:
        self.looks += 1
        task = f'<div class="task" data-state="{self.state}" role="status">Việc: {self.state}</div>'
        end = "<p>Trang đã mới</p>" if self.state == "done" else ""
        return f'<!doctype html><script type="module" src="/task.js"></script><main>{task}{FORM}{end}</main>'

    def answer(self, route: Route) -> None:
        if route.request.url == ADDRESS:
            route.fulfill(body=self.page(), content_type="text/html; charset=utf-8")
        elif route.request.url.endswith("/task.js"):
            route.fulfill(path=ROOT / "api/operators/static/task.js", content_type="text/javascript")
        else:
            route.fulfill(status=404)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with browser.new_context() as context:
        opened = context.new_page()
        opened.route("**/*", server.answer)
        opened.goto(ADDRESS)
        yield opened


def test_the_whole_page_is_new_when_the_task_has_ended(page: Page, server: Server) -> None:
    server.state = "done"
    expect(page.get_by_text("Trang đã mới")).to_be_visible()
    looks = server.looks
    expect(page.get_by_role("status")).to_have_text("Việc: done")
    assert server.looks == looks


@pytest.mark.parametrize(
    "write",
    [
        lambda page: page.get_by_label("Lý do").fill("Đang viết"),
        lambda page: page.get_by_label("Nội dung").fill("Đang viết"),
        lambda page: page.get_by_label("Lĩnh vực").select_option("Hai"),
        lambda page: page.get_by_label("Xác nhận").check(),
    ],
    ids=["line", "text", "choice", "tick"],
)
def test_what_is_being_written_stays(page: Page, server: Server, write: Callable[[Page], None]) -> None:
    write(page)
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.querySelector('form').dataset.same = 'yes'")
    server.state = "done"
    expect(page.get_by_role("status")).to_have_text("Việc: done")
    expect(page.locator("form[data-same]")).to_be_visible()
    expect(page.get_by_text("Trang đã mới")).to_have_count(0)


def test_a_field_that_has_the_focus_keeps_it(page: Page, server: Server) -> None:
    page.get_by_label("Lý do").focus()
    server.state = "done"
    expect(page.get_by_role("status")).to_have_text("Việc: done")
    expect(page.get_by_label("Lý do")).to_be_focused()

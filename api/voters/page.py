"""The voters' cached pages: the same bytes for everyone, from the snapshot, no database and no script behind them."""

from collections.abc import Callable

from api.answers import HTML, NO_STORE, Answer, answer
from api.outcomes import REFUSALS, Code, problem_headers
from api.voters.listing import groups_of, list_page
from api.voters.templates import render
from api.voters.view import Phase, View

ENTRY = "/bai-du-thi/"
_NOT_FOR_BROWSERS = (b"www-authenticate",)


def page_of(view: View, path: str) -> bytes | None:
    """The page at `path`; None where there is none."""
    make = _PAGES.get(path)
    if make is not None:
        return make(view)
    if path.startswith(ENTRY):
        return _entry(view, path.removeprefix(ENTRY))
    return None


def no_contest_page() -> bytes:
    return render("message.html", heading="Bình chọn", words="Hiện chưa có cuộc thi nào.", kind="")


def away_answer() -> Answer:
    """The page of a process that has not read the box yet."""
    words = "Hệ thống chưa sẵn sàng. Mời bạn thử lại sau."
    body = render("message.html", heading="Bình chọn", words=words, kind="still")
    return answer(503, HTML, body, (NO_STORE, (b"retry-after", b"2")))


def refusal_page(code: Code, view: View | None, *, heading: str = "", slug: str = "", again: bool = False) -> Answer:
    """A refusal in plain words. `again`: with the button that repeats the vote for the entry `slug`."""
    body = render(
        "refusal.html",
        contest=view.contest if view else None,
        heading=heading or _HEADINGS.get(code, "Chưa thực hiện được"),
        words=REFUSALS[code].detail,
        slug=slug,
        again=again,
    )
    headers = [header for header in problem_headers(code) if header[0] not in _NOT_FOR_BROWSERS]
    return answer(REFUSALS[code].status, HTML, body, headers)


def absent_page(view: View | None) -> Answer:
    """404, with a search that may find what the voter was looking for."""
    body = render("absent.html", contest=view.contest if view else None)
    return answer(404, HTML, body)


def _home(view: View) -> bytes:
    """Contest, how to vote, and all entries with their counts where these may be shown."""
    groups = groups_of(view.catalogue, view.entries())
    return render("home.html", view=view, contest=view.contest, still=view.phase is not Phase.OPEN, groups=groups)


def _rules(view: View) -> bytes:
    return render("rules.html", view=view, contest=view.contest, here="/the-le")


def _help(view: View) -> bytes:
    return render("help.html", view=view, contest=view.contest, here="/tro-giup")


def _results(view: View) -> bytes:
    """The entries of each category, most votes first where the counts may be shown, else no entries at all."""
    tallies = view.tallies
    groups = []
    if tallies is not None:
        for title, entries in groups_of(view.catalogue, view.catalogue.entries):
            groups.append((title, sorted(entries, key=lambda entry: -tallies[entry["id"]])))
    final = view.phase is Phase.FINAL
    return render("results.html", view=view, contest=view.contest, groups=groups, final=final)


def _entry(view: View, slug: str) -> bytes | None:
    entry = view.catalogue.by_slug.get(slug)
    if entry is None:
        return None
    return render(
        "entry.html",
        view=view,
        contest=view.contest,
        entry=entry,
        category=view.catalogue.category_titles.get(entry["category"], ""),
        open=view.phase is Phase.OPEN,
        waits=view.phase is Phase.NOT_YET,
    )


_PAGES: dict[str, Callable[[View], bytes]] = {
    "/": _home,
    "/binh-chon": list_page,
    "/the-le": _rules,
    "/ket-qua": _results,
    "/tro-giup": _help,
}
PATHS = tuple(_PAGES)
"""The addresses of the cached pages that every contest has."""
_HEADINGS = {
    Code.NOT_OPEN_YET: "Chưa đến thời gian bình chọn",
    Code.CLOSED: "Đã kết thúc bình chọn",
    Code.PAUSED: "Tạm dừng bình chọn",
    Code.BLOCKED: "Phiếu không được nhận",
    Code.CROSS_SITE: "Phiếu chưa được gửi",
    Code.UNKNOWN_ENTRY: "Không có bài dự thi này",
    Code.BUSY: "Phiếu chưa được ghi",
    Code.NOT_READY: "Hòm phiếu chưa sẵn sàng",
    Code.NOT_CONFIRMED: "Chưa xác nhận được phiếu",
}

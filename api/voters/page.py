"""The voters' cached pages: the same bytes for everyone, from the snapshot, no database and no script behind them."""

from collections.abc import Callable

from api.answers import HTML, NO_STORE, Answer, answer
from api.outcomes import REFUSALS, Code, problem_headers
from api.voters.language import LANGUAGES, N_, VI, Language, language_of
from api.voters.listing import groups_of, list_page
from api.voters.templates import render
from api.voters.view import Phase, View

ENTRY = "/bai-du-thi/"
_NOT_FOR_BROWSERS = (b"www-authenticate",)


def page_of(view: View, path: str) -> bytes | None:
    """The page at `path`; None where there is none."""
    language, bare = language_of(path)
    make = _PAGES.get(bare)
    if make is not None:
        return make(view, language)
    if bare.startswith(ENTRY):
        return _entry(view, language, bare.removeprefix(ENTRY))
    return None


def no_contest_page(language: Language = VI) -> bytes:
    words = language.text(N_("Hiện chưa có cuộc thi nào."))
    return render("message.html", language, heading=language.text(N_("Bình chọn")), words=words, kind="")


def away_answer(language: Language = VI) -> Answer:
    """The page of a process that has not read the box yet."""
    words = language.text(N_("Hệ thống chưa sẵn sàng. Mời bạn thử lại sau."))
    body = render("message.html", language, heading=language.text(N_("Bình chọn")), words=words, kind="still")
    return answer(503, HTML, body, (NO_STORE, (b"retry-after", b"2")))


def refusal_page(
    code: Code, view: View | None, language: Language, *, heading: str = "", slug: str = "", again: bool = False
) -> Answer:
    """A refusal in plain words. `again`: with the button that repeats the vote for the entry `slug`."""
    body = render(
        "refusal.html",
        language,
        contest=view.contest if view else None,
        heading=heading or language.text(_HEADINGS.get(code, N_("Chưa thực hiện được"))),
        words=language.text(REFUSALS[code].detail),
        slug=slug,
        again=again,
    )
    headers = [header for header in problem_headers(code) if header[0] not in _NOT_FOR_BROWSERS]
    return answer(REFUSALS[code].status, HTML, body, headers)


def absent_page(view: View | None, language: Language) -> Answer:
    """404, with a search that may find what the voter was looking for."""
    body = render("absent.html", language, contest=view.contest if view else None)
    return answer(404, HTML, body)


def _home(view: View, language: Language) -> bytes:
    """Contest, how to vote, and all entries with their counts where these may be shown."""
    groups = groups_of(view.catalogue, view.entries())
    return render(
        "home.html", language, view=view, contest=view.contest, still=view.phase is not Phase.OPEN, groups=groups
    )


def _rules(view: View, language: Language) -> bytes:
    return render("rules.html", language, view=view, contest=view.contest, path="/the-le")


def _help(view: View, language: Language) -> bytes:
    return render("help.html", language, view=view, contest=view.contest, path="/tro-giup")


def _results(view: View, language: Language) -> bytes:
    """The entries of each category, most votes first where the counts may be shown, else no entries at all."""
    tallies = view.tallies
    groups = []
    if tallies is not None:
        for title, entries in groups_of(view.catalogue, view.catalogue.entries):
            groups.append((title, sorted(entries, key=lambda entry: -tallies[entry["id"]])))
    final = view.phase is Phase.FINAL
    return render("results.html", language, view=view, contest=view.contest, groups=groups, final=final)


def _entry(view: View, language: Language, slug: str) -> bytes | None:
    entry = view.catalogue.by_slug.get(slug)
    if entry is None:
        return None
    return render(
        "entry.html",
        language,
        view=view,
        contest=view.contest,
        entry=entry,
        category=view.catalogue.category_titles.get(entry["category"], ""),
        open=view.phase is Phase.OPEN,
        waits=view.phase is Phase.NOT_YET,
    )


_PAGES: dict[str, Callable[[View, Language], bytes]] = {
    "/": _home,
    "/binh-chon": list_page,
    "/the-le": _rules,
    "/ket-qua": _results,
    "/tro-giup": _help,
}
PATHS = {language.path(path): language for path in _PAGES for language in LANGUAGES}
"""The addresses of the cached pages that every contest has, and their languages."""
_HEADINGS = {
    Code.NOT_OPEN_YET: N_("Chưa đến thời gian bình chọn"),
    Code.CLOSED: N_("Đã kết thúc bình chọn"),
    Code.PAUSED: N_("Tạm dừng bình chọn"),
    Code.BLOCKED: N_("Phiếu không được nhận"),
    Code.CROSS_SITE: N_("Phiếu chưa được gửi"),
    Code.UNKNOWN_ENTRY: N_("Không có bài dự thi này"),
    Code.BUSY: N_("Phiếu chưa được ghi"),
    Code.NOT_READY: N_("Hòm phiếu chưa sẵn sàng"),
    Code.NOT_CONFIRMED: N_("Chưa xác nhận được phiếu"),
}

"""The voters' cached pages: the same bytes for everyone, from the snapshot, no database and no script behind them."""

from collections.abc import Callable

from api.answers import HTML, NO_STORE, Answer, answer
from api.outcomes import REFUSALS, Code, problem_headers
from api.voters.language import LANGUAGES, N_, VI, Language, language_of
from api.voters.listing import LIST, beside, list_page
from api.voters.templates import render
from api.voters.view import Entry, View

ENTRY = "/bai-du-thi/"
CONFIRM = "/binh-chon"
"""What the address of an entry's vote ends with: a page that asks to confirm, and the form's POST."""
_NOT_FOR_BROWSERS = (b"www-authenticate",)
_ON_HOME = 6  # entries


def page_of(view: View, path: str) -> bytes | None:
    """The page at `path`, which may have the query of a list; None where there is none."""
    language, bare = language_of(path)
    bare, _, query = bare.partition("?")
    if bare == LIST:
        return list_page(view, language, query)
    make = _PAGES.get(bare)
    if make is not None:
        return make(view, language, bare)
    if bare.startswith(ENTRY):
        slug = bare.removeprefix(ENTRY)
        confirms = slug.endswith(CONFIRM)  # of the slug: an entry may be called `binh-chon`
        return _of_entry(view, language, slug.removesuffix(CONFIRM), "confirm.html" if confirms else "entry.html")
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
        view=view,
        heading=heading or language.text(_HEADINGS.get(code, N_("Chưa thực hiện được"))),
        words=language.text(REFUSALS[code].detail),
        slug=slug,
        again=again,
    )
    headers = [header for header in problem_headers(code) if header[0] not in _NOT_FOR_BROWSERS]
    return answer(REFUSALS[code].status, HTML, body, headers)


def absent_page(view: View | None, language: Language) -> Answer:
    """404, with a search that may find what the voter was looking for."""
    return answer(404, HTML, render("absent.html", language, view=view))


def _home(view: View, language: Language, path: str) -> bytes:
    """Contest, how to vote, and a few entries, others each minute."""
    entries = view.entries()[:_ON_HOME]
    return render("home.html", language, view=view, path=path, entries=entries)


def _text_page(name: str) -> Callable[[View, Language, str], bytes]:
    """A page that is made of the contest's texts alone."""

    def make(view: View, language: Language, path: str) -> bytes:
        return render(name, language, view=view, path=path)

    return make


def _results(view: View, language: Language, path: str) -> bytes:
    """The published ranking; before it the entries of each category, most votes first where the counts may be shown,
    else no entries at all.
    """
    if view.results is not None:
        return render("results_final.html", language, view=view, path=path, results=view.results)
    tallies = view.tallies
    groups: list[tuple[str, list[Entry]]] = []
    if tallies is not None:
        for category in view.catalogue.categories:
            members = [entry for entry in view.catalogue.entries if entry["category"] == category["slug"]]
            if members:
                members.sort(key=lambda entry: -tallies[entry["id"]])
                groups.append((language.of(category, "title"), members))
    return render("results.html", language, view=view, path=path, groups=groups)


def _of_entry(view: View, language: Language, slug: str, template: str) -> bytes | None:
    entry = view.catalogue.by_slug.get(slug)
    if entry is None:
        return None
    return render(
        template,
        language,
        view=view,
        path=ENTRY + slug + (CONFIRM if template == "confirm.html" else ""),
        entry=entry,
        category=view.catalogue.by_category.get(entry["category"]),
        others=beside(view, entry),
    )


_PAGES: dict[str, Callable[[View, Language, str], bytes]] = {
    "/": _home,
    "/the-le": _text_page("rules.html"),
    "/ket-qua": _results,
    "/nhat-ky-loai-phieu": _text_page("corrections.html"),
    "/tro-giup": _text_page("help.html"),
    "/rieng-tu": _text_page("privacy.html"),
    "/nhan-biet": _text_page("recognise.html"),
}
PATHS = {language.path(path): language for path in (*_PAGES, LIST) for language in LANGUAGES}
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

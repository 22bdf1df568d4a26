"""`/binh-chon`: the published entries, searched, filtered by category, in pages; the question stands in the address.

| field      | what                                                                             |
|------------|----------------------------------------------------------------------------------|
| `q`        | words to look for                                                                |
| `linh-vuc` | slug of a category                                                               |
| `thu-tu`   | the order that a page's links keep: a minute (`View.order`)                      |
| `trang`    | which page, from 1                                                               |
"""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from api.numbers import whole
from api.voters.language import Language
from api.voters.search import LONGEST, Words
from api.voters.templates import render
from api.voters.view import Entry, View

LIST = "/binh-chon"
PAGE_SIZE = 24
BESIDE = 3  # entries
_LONGEST_QUERY = 1_000  # bytes of a query that is looked at
_MOST_FIELDS = 20
_LARGEST = 10**10 - 1  # of the numbers of a query


class Question(NamedTuple):
    """What a list was asked for."""

    words: str = ""
    category: str = ""
    order: int | None = None
    page: int = 1

    def query(self, **changed: object) -> str:
        """The query of the same question, with changes: `?linh-vuc=so&trang=2`, or nothing."""
        asked = self._replace(**changed)  # type: ignore[arg-type]
        fields = {"q": asked.words, "linh-vuc": asked.category, "thu-tu": asked.order, "trang": asked.page}
        spelled = {name: value for name, value in fields.items() if value and (name, value) != ("trang", 1)}
        return "?" + urlencode(spelled) if spelled else ""


def question_of(query: bytes) -> str:
    """The one spelling of a query: other fields and empty ones are left out, so that a page is kept once."""
    return _spelling(query[:_LONGEST_QUERY])


@lru_cache(maxsize=4_096)
def _spelling(query: bytes) -> str:
    return _asked(query.decode("latin-1")).query()


def _asked(query: str) -> Question:
    try:
        fields = dict(parse_qsl(query[:_LONGEST_QUERY].lstrip("?"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return Question()
    order, page = whole(fields.get("thu-tu", ""), _LARGEST), whole(fields.get("trang", ""), _LARGEST)
    return Question(fields.get("q", "").strip()[:LONGEST], fields.get("linh-vuc", "")[:LONGEST], order, page or 1)


def list_page(view: View, language: Language, query: str = "") -> bytes:
    """The entries that answer the question, of one category or of all (also where the category is unknown)."""
    catalogue = view.catalogue
    asked = _asked(query)
    category = asked.category if asked.category in catalogue.by_category else ""
    found = _found(view, asked, category)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(asked.page, 1), pages)
    question = Question(asked.words, category, view.order(asked.order), page)
    return render(
        "list.html",
        language,
        view=view,
        path=LIST + asked.query(),
        question=question,
        found=len(found),
        pages=pages,
        entries=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        links=_links(question, pages),
    )


def _found(view: View, asked: Question, category: str) -> list[Entry]:
    """The entries that answer, the best first; equal ones in the order that the list has."""
    entries = [entry for entry in view.entries(asked.order) if not category or entry["category"] == category]
    if not asked.words:
        return entries
    words, searchable = Words(asked.words), view.catalogue.searchable
    ranked = [(words.rank(searchable[entry["id"]]), entry) for entry in entries]
    return [entry for _, entry in sorted(((rank, entry) for rank, entry in ranked if rank is not None), key=_by_rank)]


def _by_rank(found: tuple[int, Entry]) -> int:
    return found[0]


def _links(question: Question, pages: int) -> list[tuple[int, str]]:
    """(number, query) of the pages that a page links to: the first, the last and those around it; (0, "") for a gap."""
    shown = sorted({1, pages, *range(max(1, question.page - 1), min(pages, question.page + 1) + 1)})
    links: list[tuple[int, str]] = []
    for number in shown:
        if links and number > links[-1][0] + 1:
            links.append((0, ""))
        links.append((number, question.query(page=number)))
    return links


def beside(view: View, entry: Entry) -> list[Entry]:
    """Up to BESIDE other entries of the same category, in this minute's order."""
    others = [other for other in view.entries() if other["category"] == entry["category"] and other is not entry]
    return others[:BESIDE]

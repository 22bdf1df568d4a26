"""`/binh-chon`: the published entries, by category, searched and filtered."""

from collections.abc import Iterable

from api.voters.language import Language
from api.voters.search import LONGEST, matches
from api.voters.templates import render
from api.voters.view import Catalogue, Entry, View


def list_page(view: View, language: Language, question: str = "", category: str = "") -> bytes:
    """The entries that answer `question`, of one category or of all (also where the category is unknown)."""
    catalogue = view.catalogue
    question = question.strip()[:LONGEST]
    chosen = category if category in catalogue.category_titles else ""
    found = [
        entry
        for entry in view.entries()
        if (not chosen or entry["category"] == chosen) and matches(question, catalogue.folded[entry["id"]])
    ]
    return render(
        "list.html",
        language,
        view=view,
        contest=view.contest,
        path="/binh-chon",
        question=question,
        chosen=chosen,
        found=len(found),
        groups=groups_of(catalogue, found),
        longest=LONGEST,
    )


def groups_of(catalogue: Catalogue, entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """The entries by title of their category, in the categories' order; empty ones are left out."""
    entries = list(entries)
    groups = [
        (category["title"], [entry for entry in entries if entry["category"] == category["slug"]])
        for category in catalogue.categories
    ]
    return [(title, members) for title, members in groups if members]

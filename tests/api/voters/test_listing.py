"""The list: pages, filter and order stand in the address, and nobody sees it jump."""

import re
from dataclasses import replace

import pytest

from api.voters.language import EN, VI
from api.voters.listing import PAGE_SIZE, Question, list_page, question_of
from api.voters.view import ORDER_LIFE, Catalogue, Phase, View
from models.contest_texts import completed

CATEGORIES = [{"slug": slug, "title": slug, "title_en": ""} for slug in ("a", "b")]
ENTRIES = [
    {"id": n, "slug": f"bai-{n}", "title": f"Bài {n}", "category": "ab"[n % 2]}
    | dict.fromkeys(("author", "unit", "summary", "text"), "")
    for n in range(1, 61)
]
MINUTE = 29_000_000
SITE = completed({"contest": {"title": "Thử"}, "categories": CATEGORIES, "entries": ENTRIES})
VIEW = View(
    catalogue=Catalogue(SITE),
    tallies=None,
    phase=Phase.OPEN,
    opens_at=0,
    closes_at=2**41,
    minute=MINUTE,
    origin="https://binhchon.example.vn",
)


def shown(page: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb'<li id="bai-(\d+)"', page)]


def links(page: bytes) -> list[str]:
    return [found.decode().replace("&amp;", "&") for found in re.findall(rb'href="(/binh-chon\?[^"]*)"', page)]


def test_the_pages_of_one_order_have_every_entry_once():
    first = list_page(VIEW, VI)
    follow = sorted({link for link in links(first) if "trang=" in link})
    assert len(follow) == 2
    seen = shown(first)
    for link in follow:
        seen += shown(list_page(VIEW, VI, link.partition("?")[2]))
    assert len(shown(first)) == PAGE_SIZE
    assert sorted(seen) == list(range(1, 61))


def test_a_page_s_links_keep_its_order_in_the_minutes_after():
    link = next(link for link in links(list_page(VIEW, VI)) if "trang=2" in link).partition("?")[2]
    later = replace(VIEW, minute=MINUTE + 7)
    assert f"thu-tu={MINUTE}" in link
    assert shown(list_page(later, VI, link)) == shown(list_page(VIEW, VI, link))
    assert shown(list_page(later, VI)) != shown(list_page(VIEW, VI))


@pytest.mark.parametrize("asked", [MINUTE + 1, MINUTE - ORDER_LIFE - 1, 0])
def test_an_order_that_no_page_of_the_last_day_had_is_not_kept(asked):
    assert shown(list_page(VIEW, VI, f"thu-tu={asked}")) == shown(list_page(VIEW, VI))


def test_after_voting_the_order_is_the_organisers():
    page = list_page(replace(VIEW, phase=Phase.CLOSED), VI, f"thu-tu={MINUTE}")
    assert shown(page) == list(range(1, PAGE_SIZE + 1))
    assert not any("thu-tu" in link for link in links(page))


def test_the_filter_stays_in_the_links_and_a_page_too_far_is_the_last():
    page = list_page(VIEW, VI, "linh-vuc=b&trang=99")
    assert len(shown(page)) == 30 - PAGE_SIZE
    assert all(number % 2 for number in shown(page))
    assert any("linh-vuc=b" in link and "trang" not in link for link in links(page))


def test_a_question_has_one_spelling():
    assert question_of(b"fbclid=1&trang=2&q=+may%20tinh+&linh-vuc=a") == "?q=may+tinh&linh-vuc=a&trang=2"
    assert question_of(b"fbclid=1&trang=1&thu-tu=") == ""
    assert question_of(b"trang=-1&thu-tu=1e5&trang=%00") == ""
    assert question_of(b"&".join(b"q=%d" % n for n in range(100))) == ""
    assert question_of("trang=²".encode("latin-1")) == ""
    assert len(question_of(b"q=" + b"a" * 100_000)) < 200
    assert Question("a&b", "<c>", 5, 3).query() == "?q=a%26b&linh-vuc=%3Cc%3E&thu-tu=5&trang=3"


def test_what_has_the_words_in_its_title_comes_first_in_every_order():
    entries = [entry | {"summary": "Bài 33"} if entry["id"] in (1, 2, 3) else entry for entry in ENTRIES]
    site = completed({"contest": {"title": "Thử"}, "categories": CATEGORIES, "entries": entries})
    for minute in range(MINUTE, MINUTE + 20):
        found = shown(list_page(replace(VIEW, catalogue=Catalogue(site), minute=minute), VI, "q=bai+33"))
        assert (found[0], set(found[1:])) == (33, {1, 2, 3})


def test_what_is_asked_is_escaped_in_the_page():
    page = list_page(VIEW, EN, "q=%22%3E%3Cscript%3E&linh-vuc=%22%3E")
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page

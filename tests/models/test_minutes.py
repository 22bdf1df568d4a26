"""The minutes: canonical, signed, and the same bytes from the same count; as a PDF too."""

import base64
import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import fpdf
import pytest

from models.contest import Contest
from models.minutes import Asked, Closing, canonical, minutes_of, public_key, sha256, sign, verify
from models.minutes_paper import Paper
from models.minutes_pdf import minutes_pdf
from models.result_count import Count, EntryCount
from models.secrets import KeyRing

KEYS = KeyRing("of these tests", ("x",))
AT = datetime(2026, 11, 20, 17, 5, 1, 234000, UTC)
CONTEST = Contest(
    id=7,
    slug="thu",
    title="Cuộc thi “Thử”",
    texts={"organiser": "Sở Khoa học và Công nghệ"},
    opens_at=datetime(2026, 11, 4, 17, tzinfo=UTC),
    closes_at=datetime(2026, 11, 20, 17, tzinfo=UTC),
    state="final",
    result_policy="hidden",
    minted_sessions=False,
    version=9,
    stops_seen=0,
    shards=1,
    epoch=3,
    key_fingerprint="",
    sessions_from=AT,
)
PEOPLE = ("Bà An – Trưởng ban", "Ông Bình - Thư ký", "Cô Cúc")


def entry(number: int, received: int, voided: int = 0, category: str = "a", state: str = "published") -> EntryCount:
    return EntryCount(number, f"Bài {number}", f"Tác giả {number}", "", category, state, received, voided)


def changed(at: str, what: str, why: str, **moved: tuple[str, str]) -> dict[str, Any]:
    """One of `voting_changes`, by Lan. `moved`: from, to."""
    before, after = ({name: pair[side] for name, pair in moved.items()} for side in (0, 1))
    return {"at": at, "by": "lan", "what": what, "from": before, "to": after, "why": why}


def made(*entries: EntryCount, **more: Any) -> dict[str, Any]:
    count = Count(list(entries), [("a", "Giáo dục"), ("b", "Nông nghiệp"), ("c", "Chưa có bài")], **more)
    closing = Closing(AT, "lan", "", "ab" * 32, count.received)
    return minutes_of(CONTEST, count, closing, Asked("12/BB", "Thái Nguyên", PEOPLE), public_key(KEYS, 7))


def places(ranking: list[dict[str, Any]]) -> list[tuple[int, int, bool]]:
    return [(one["place"], one["entry_id"], one["tied"]) for one in ranking]


def test_ties_are_ties_overall_and_in_each_category() -> None:
    document = made(entry(1, 5), entry(2, 9), entry(3, 6, 1, "b"), entry(4, 5, category="b"), entry(5, 0))
    assert places(document["ranking"]) == [(1, 2, False), (2, 1, True), (2, 3, True), (2, 4, True), (5, 5, False)]
    assert [(category["title"], places(category["ranking"])) for category in document["categories"]] == [
        ("Giáo dục", [(1, 2, False), (2, 1, False), (3, 5, False)]),
        ("Nông nghiệp", [(1, 3, True), (1, 4, True)]),
    ]


def test_the_totals_fit_each_other() -> None:
    document = made(entry(1, 5, 2), entry(2, 9, 9), entry(3, 4, 1, state="withdrawn"), reasons=Counter({"x": 12}))
    totals = document["totals"]
    assert (totals["received"], totals["voided"], totals["counted"]) == (18, 12, 6)
    ranked = sum(one["votes"] for one in document["ranking"])
    assert totals["counted"] == ranked + totals["counted_for_withdrawn_entries"]
    assert document["withdrawn"] == [{"entry_id": 3, "title": "Bài 3", "votes": 3}]


def test_it_is_canonical_and_signed_with_a_key_of_the_contest() -> None:
    minutes = canonical(made(entry(1, 5)))
    assert canonical(json.loads(minutes)) == minutes
    assert "\n" not in minutes
    assert "Cuộc thi “Thử”" in minutes
    signature = sign(KEYS, 7, minutes)
    assert signature == sign(KEYS, 7, minutes)
    assert verify(minutes.encode(), signature, public_key(KEYS, 7))["number"] == "12/BB"
    assert len({public_key(KEYS, 7), public_key(KEYS, 8), public_key(KeyRing("b", ("x",)), 7)}) == 3


def test_the_private_key_is_nowhere_in_the_minutes() -> None:
    secret = KEYS.derived("minutes 7")
    minutes = canonical(made(entry(1, 5)))
    for told in (secret.hex(), base64.b64encode(secret).decode(), KEYS.identity_key):
        assert told not in minutes


def as_pdf(document: dict[str, Any]) -> bytes:
    minutes = canonical(document)
    return minutes_pdf(document, sha256(minutes), base64.b64encode(sign(KEYS, 7, minutes)).decode())


def test_the_same_minutes_give_the_same_pdf() -> None:
    document = made(entry(1, 5), entry(2, 3))
    first = as_pdf(document)
    assert as_pdf(json.loads(canonical(document))) == first
    assert as_pdf(made(entry(1, 5), entry(2, 4))) != first
    assert first.startswith(b"%PDF-")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is written on the paper, cell by cell."""
    found: list[str] = []
    for name in ("cell", "multi_cell"):
        own = getattr(fpdf.FPDF, name)

        def write(self: Any, *args: Any, own: Any = own, **more: Any) -> Any:
            found.append(next((value for value in (*args[2:3], more.get("text")) if value), ""))
            return own(self, *args, **more)

        monkeypatch.setattr(Paper, name, write)
    return found


def test_the_pdf_says_what_the_minutes_say(written: list[str]) -> None:
    document = made(entry(1, 5), entry(2, 5), entry(3, 12_345, 1, "b"), reasons=Counter({"Đăng ký hàng loạt": 1}))
    as_pdf(document)
    said = "\n".join(written)
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
        "Số: 12/BB",
        "Thái Nguyên, ngày 21 tháng 11 năm 2026",
        "BIÊN BẢN",
        "Cuộc thi “Thử”",
        "Từ 00 giờ 00 phút ngày 05/11/2026 đến hết ngày 20/11/2026.",
        "12.344",
        "2 (đồng hạng)",
        "Đăng ký hàng loạt",
        "Lĩnh vực Nông nghiệp",
        sha256(canonical(document)),
        document["public_key"],
        "ab" * 32,
        "TRƯỞNG BAN",
        "Bà An",
        "THƯ KÝ",
        "Ông Bình",
        "Cô Cúc",
    ):
        assert words in said, words
    assert base64.b64encode(sign(KEYS, 7, canonical(document))).decode() in said


def test_the_letters_are_all_in_the_font(caplog: pytest.LogCaptureFixture) -> None:
    """What a reader copies out of the file is what was written, and no letter is an empty box."""
    pdf = as_pdf(made(entry(1, 5)))
    codes = {int(code, 16) for code in re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", pdf)}
    assert {ord(letter) for letter in "ỘÒĐộậựếạ“"} <= codes
    assert caplog.records == []


def test_hundreds_of_entries_and_long_titles_fit() -> None:
    entries = [entry(number, number % 50, category="ab"[number % 2]) for number in range(1, 301)]
    long = EntryCount(999, "Rất dài " * 40, "Tác giả " * 20, "Đơn vị " * 20, "a", "published", 3, 0)
    pdf = as_pdf(made(*entries, long))
    assert pdf.count(b"/Type /Page\n") > 10


MOVED = changed(
    "2026-11-19T13:00:00.000Z",
    "window",
    "Mất điện toàn tỉnh.",
    closes_at=("2026-11-20T17:00:00.000Z", "2026-11-19T14:30:00.000Z"),
)


def test_the_pdf_names_what_was_decided_about_the_voting_time(written: list[str], pdf_rows: list[list[str]]) -> None:
    document = made(entry(1, 5))
    document["closed"]["early"] = MOVED["why"]
    document["voting_changes"] = [changed("2026-11-06T01:00:00.000Z", "paused", ""), MOVED]
    document["voting_changes"][0]["by"] = "system"
    as_pdf(document)
    assert "Việc bình chọn được kết thúc trước thời hạn. Lý do: Mất điện toàn tỉnh." in written
    assert ["08:00:00 ngày 06/11/2026", "Hệ thống", "Tạm dừng nhận phiếu", "(không ghi)"] in pdf_rows
    assert [
        "20:00:00 ngày 19/11/2026",
        "lan",
        "Giờ kết thúc: từ 00:00:00 ngày 21/11/2026 thành 21:30:00 ngày 19/11/2026",
        "Mất điện toàn tỉnh.",
    ] in pdf_rows


@pytest.fixture
def pdf_rows(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The rows of all tables on the paper."""
    found: list[list[str]] = []
    own = Paper.tabled

    def write(self: Paper, widths: Any, aligns: str, head: Any, rows: Any) -> None:
        found.extend([list(row) for row in rows])
        own(self, widths, aligns, head, rows)

    monkeypatch.setattr(Paper, "tabled", write)
    return found


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, float]]:
    """Text → the page on which it was written last, and where it ends, mm."""
    found: dict[str, tuple[int, float]] = {}
    own = fpdf.FPDF.multi_cell

    def write(self: Any, *args: Any, **more: Any) -> Any:
        result = own(self, *args, **more)
        if not more.get("dry_run"):
            found[next(value for value in (*args[2:3], more.get("text")) if value)] = (self.page_no(), self.get_y())
        return result

    monkeypatch.setattr(Paper, "multi_cell", write)
    return found


LONG = "Nguyễn Phúc Vĩnh Thuỵ Thị Thanh Hương Giang"


@pytest.mark.parametrize(("entries", "persons"), [(1, 3), (3, 3), (13, 3), (14, 3), (2, 12)])
def test_all_sign_on_one_page(standing: dict[str, tuple[int, float]], entries: int, persons: int) -> None:
    """Wherever the text ends, and however long the names are."""
    document = made(*(entry(number, 5) for number in range(1, entries + 1)))
    document["persons"] = [f"{LONG} {number} – Phó Giám đốc Sở Khoa học và Công nghệ" for number in range(persons)]
    as_pdf(document)
    names = [f"{LONG} {number}" for number in range(persons)]
    (sentence,) = [text for text in standing if text.startswith("Biên bản được lập xong")]
    assert {standing[name][0] for name in names} == {standing[sentence][0]}
    assert max(standing[name][1] for name in names) <= 297 - 20


def test_minutes_of_the_first_form_are_still_verified_and_drawn() -> None:
    document = made(entry(1, 5)) | {"format": "binhchon-minutes/1"}
    del document["voting_changes"]
    minutes = canonical(document)
    assert verify(minutes.encode(), sign(KEYS, 7, minutes)) == document
    assert as_pdf(document).startswith(b"%PDF-")

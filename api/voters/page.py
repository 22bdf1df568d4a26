"""The plain first page: the same bytes for everyone, from the snapshot, no database and no script behind it.

Every text of the contest passes `html.escape`.
"""

from html import escape
from typing import Any

from api.times import vietnamese, vietnamese_end
from models.ballot_box.reading import Reading

STATES = {
    "open": "Đang nhận bình chọn",
    "paused": "Tạm dừng bình chọn",
    "closed": "Đã kết thúc bình chọn",
    "final": "Đã công bố kết quả",
    "": "Hòm phiếu chưa sẵn sàng",
}
_NOT_YET = "Chưa đến thời gian bình chọn"


def no_contest_page() -> bytes:
    return _document("Bình chọn", "<h1>Bình chọn</h1>\n<p>Hiện chưa có cuộc thi nào.</p>").encode()


def away_page() -> bytes:
    return _document("Bình chọn", "<h1>Bình chọn</h1>\n<p>Hệ thống chưa sẵn sàng. Mời bạn thử lại sau.</p>").encode()


def contest_page(reading: Reading, tallies: dict[int, int] | None, *, phase: str) -> bytes:
    """The page of a contest, without the line that says how old the counts are (`count_line`)."""
    contest = reading.site["contest"]
    opens_at = reading.opens_at or contest["opens_at"]
    closes_at = reading.closes_at or contest["closes_at"]
    parts = [
        f"<h1>{escape(contest['title'])}</h1>",
        f"<p>{escape(contest['organiser'])}</p>",
        f"<p><strong>{phase}</strong></p>",
        "<dl>",
        f"<dt>Bắt đầu</dt><dd>{vietnamese(opens_at)}</dd>",
        f"<dt>Kết thúc</dt><dd>{vietnamese_end(closes_at)}</dd>",
        f"<dt>Đường dây hỗ trợ</dt><dd>{escape(contest['help_line'])}</dd>",
        "</dl>",
        f"<p>{escape(contest['voters_note'])}</p>",
        f"<p>{escape(contest['summary'])}</p>",
        *_categories(reading.site, tallies),
    ]
    return _document(contest["title"], "\n".join(part for part in parts if part != "<p></p>")).encode()


def phase(reading: Reading, now_ms: int) -> str:
    """Where the contest stands, in words, by the box's clock."""
    if reading.state in ("open", "paused"):
        if now_ms < reading.opens_at:
            return _NOT_YET
        if now_ms >= reading.closes_at:
            return STATES["closed"]
    return STATES.get(reading.state, STATES[""])


def count_line(at_ms: int) -> bytes:
    return f"<p>Số liệu lúc {vietnamese(at_ms)}.</p>\n".encode()


def _categories(site: dict[str, Any], tallies: dict[int, int] | None) -> list[str]:
    parts: list[str] = []
    for category in site["categories"]:
        entries = [entry for entry in site["entries"] if entry["category"] == category["slug"]]
        if entries:
            parts.append(f"<section>\n<h2>{escape(category['title'])}</h2>\n<ol>")
            parts.extend(_entry(entry, tallies) for entry in entries)
            parts.append("</ol>\n</section>")
    return parts


def _entry(entry: dict[str, Any], tallies: dict[int, int] | None) -> str:
    people = " – ".join(escape(entry[field]) for field in ("author", "unit") if entry[field])
    count = (
        "" if tallies is None else f"<p><data value='{tallies[entry['id']]}'>{tallies[entry['id']]}</data> phiếu</p>"
    )
    return (
        f"<li id='{escape(entry['slug'])}'>\n<h3>{escape(entry['title'])}</h3>\n"
        f"<p>{people}</p>\n<p>{escape(entry['summary'])}</p>\n{count}</li>"
    )


def _document(title: str, main: str) -> str:
    return f"""<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
</head>
<body>
<main>
{main}
</main>
</body>
</html>
"""

"""The minutes as a PDF in the form of an official document (Decree 30/2020/NĐ-CP, appendix I: organiser and number on
the left, the country's name and motto on the right, place and date, the document's name, signatures at the end).

Everything in it comes from the JSON: the same minutes give the same bytes.
"""

from datetime import datetime, timedelta
from typing import Any

from fpdf.enums import WrapMode

from models.audit import SYSTEM
from models.minutes_paper import FONT, LEFT, SMALL, SMALL_LINE, Paper
from models.minutes_signatures import signatures
from models.times import VIETNAM

_PROOFS = {
    "email": "Mã gửi qua thư điện tử",
    "sms": "Mã gửi qua tin nhắn",
    "oidc": "Tài khoản của nhà cung cấp (OpenID Connect)",
    "minted": "Phiên thử nghiệm",
    "unknown": "Không rõ (phiếu được khôi phục)",
}
_CHANGES = {
    "paused": "Tạm dừng nhận phiếu",
    "resumed": "Nhận phiếu trở lại",
    "ended": "Kết thúc bình chọn trước thời hạn",
}
_MOMENTS = {"opens_at": "Giờ bắt đầu", "closes_at": "Giờ kết thúc"}
_ACTIONS = {"void": "Loại", "restore": "Khôi phục"}


def minutes_pdf(document: dict[str, Any], sha256: str, signature: str) -> bytes:
    """`document`: the minutes; `sha256`: of their JSON; `signature`: base64. Errors: OSError without the fonts."""
    at = _moment(document["closed"]["at"])
    paper = Paper(document["number"])
    paper.set_creation_date(at)
    paper.set_title(f"Biên bản kiểm phiếu – {document['contest']['title']}")
    paper.set_author(document["contest"]["organiser"])
    paper.add_page()
    _head(paper, document, at)
    _opening(paper, document, at)
    _totals(paper, document)
    _of_these(paper, document)
    _rankings(paper, document)
    _proof(paper, document, sha256, signature)
    signatures(paper, document["persons"])
    return bytes(paper.output())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(VIETNAM)


def _at(moment: datetime) -> str:
    return f"{moment:%H} giờ {moment:%M} phút ngày {moment:%d/%m/%Y}"


def _until(text: str) -> str:
    """The end of the voting time as people say it: midnight is the end of the day before."""
    end = _moment(text)
    if (end.hour, end.minute, end.second) == (0, 0, 0):
        return f"hết ngày {end - timedelta(days=1):%d/%m/%Y}"
    return _at(end)


def _briefly(text: str) -> str:
    return f"{_moment(text):%H:%M:%S ngày %d/%m/%Y}"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


def _head(paper: Paper, document: dict[str, Any], at: datetime) -> None:
    """The two columns at the top, and the document's name."""
    contest, left, right, gap = document["contest"], 66.0, 90.0, 6.0
    top = paper.get_y()
    paper.set_font(FONT, "B", 10)
    paper.multi_cell(left, 5, contest["organiser"].upper() or "BAN TỔ CHỨC", align="C", new_x="LMARGIN", new_y="NEXT")
    paper.line(LEFT + left / 3, paper.get_y() + 1, LEFT + left * 2 / 3, paper.get_y() + 1)
    paper.ln(3)
    paper.set_font(FONT, "", 10)
    paper.multi_cell(left, 5, f"Số: {document['number'] or '………………'}", align="C", new_x="LMARGIN", new_y="NEXT")
    bottom = paper.get_y()
    at_right = LEFT + left + gap
    paper.set_xy(at_right, top)
    paper.set_font(FONT, "B", 9.5)
    paper.cell(right, 5, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", align="C")
    paper.set_xy(at_right, top + 5)
    paper.set_font(FONT, "B", 10.5)
    paper.cell(right, 5.5, "Độc lập - Tự do - Hạnh phúc", align="C")
    paper.line(at_right + right / 2 - 27, top + 11.5, at_right + right / 2 + 27, top + 11.5)
    paper.set_xy(at_right, top + 14)
    paper.set_font(FONT, "I", 10)
    place = f"{document['place']}, ngày" if document["place"] else "Ngày"
    paper.multi_cell(right, 5, f"{place} {at:%d} tháng {at:%m} năm {at:%Y}", align="C")
    paper.set_xy(LEFT, max(bottom, paper.get_y()) + 8)
    paper.centred("BIÊN BẢN", 14, "B")
    paper.centred("Kiểm phiếu bình chọn trực tuyến", 12, "B")
    paper.centred(contest["title"], 11, "I")
    paper.ln(4)


def _opening(paper: Paper, document: dict[str, Any], at: datetime) -> None:
    contest, closed = document["contest"], document["closed"]
    paper.say(
        f"Hôm nay, lúc {_at(at)} (giờ Việt Nam), Ban tổ chức tiến hành kiểm phiếu bình chọn trực tuyến của cuộc thi nêu"
        " trên như sau.",
    )
    paper.heading("I. Thành phần")
    for number, person in enumerate(document["persons"], start=1):
        paper.say(f"{number}. {person}")
    paper.say(f"Người thực hiện trên hệ thống: {closed['by']}.")
    paper.heading("II. Thời gian bình chọn")
    paper.say(f"Từ {_at(_moment(contest['opens_at']))} đến {_until(contest['closes_at'])}.")
    if closed["early"]:
        paper.say(f"Việc bình chọn được kết thúc trước thời hạn. Lý do: {closed['early']}")
    if changes := document.get("voting_changes"):
        paper.caption("Các quyết định về thời gian bình chọn sau khi đã bắt đầu nhận phiếu")
        paper.tabled(
            (17, 17, 36, 30),
            "LLLL",
            ("Lúc", "Người quyết định", "Việc", "Lý do"),
            [(_briefly(one["at"]), _decider(one["by"]), _change(one), one["why"] or "(không ghi)") for one in changes],
        )


def _decider(name: str) -> str:
    return "Hệ thống" if name == SYSTEM.name else name


def _change(one: dict[str, Any]) -> str:
    if one["what"] != "window":
        return _CHANGES[one["what"]]
    return "\n".join(
        f"{_MOMENTS[name]}: từ {_briefly(one['from'][name])} thành {_briefly(moment)}"
        for name, moment in sorted(one["to"].items(), reverse=True)
    )


def _totals(paper: Paper, document: dict[str, Any]) -> None:
    totals = document["totals"]
    paper.heading("III. Số phiếu")
    rows = [
        ("Tổng số phiếu đã nhận", totals["received"]),
        ("Số phiếu bị loại", totals["voided"]),
        ("Số phiếu hợp lệ", totals["counted"]),
        ("   trong đó, phiếu cho bài dự thi đã rút", totals["counted_for_withdrawn_entries"]),
        ("Số tài khoản đã bình chọn", totals["voters"]),
        ("Số tài khoản đã đăng nhập", totals["accounts"]),
        ("Phiếu được khôi phục từ hòm phiếu", totals["recovered"]),
        ("Sự kiện từng bị tạm giữ và đã xử lý", totals["parked_and_resolved"]),
        ("Phiếu trùng gặp khi ghi sổ (không tính hai lần)", totals["conflicts"]),
        ("Phiếu còn chờ ghi sổ", totals["pending"]),
        ("Sự kiện còn tạm giữ", totals["parked"]),
        ("Sai lệch giữa hòm phiếu và sổ phiếu", totals["drift"]),
    ]
    paper.tabled((76, 24), "LR", ("Nội dung", "Số lượng"), [(words, _number(value)) for words, value in rows])


def _of_these(paper: Paper, document: dict[str, Any]) -> None:
    """What was voided and why, and how voters had proven who they are."""
    if document["voided_by_reason"]:
        paper.caption("Phiếu bị loại theo lý do")
        paper.tabled(
            (76, 24),
            "LR",
            ("Lý do", "Số phiếu"),
            [(one["reason"] or "(không ghi)", _number(one["votes"])) for one in document["voided_by_reason"]],
        )
    if document["corrections"]:
        paper.caption("Các lần loại và khôi phục phiếu")
        paper.tabled(
            (8, 14, 58, 20),
            "RLLR",
            ("Số", "Việc", "Lý do", "Số phiếu"),
            [
                (str(one["id"]), _ACTIONS.get(one["action"], one["action"]), one["reason"], _number(one["votes"]))
                for one in document["corrections"]
            ],
        )
    if document["received_by_proof"]:
        paper.caption("Phiếu đã nhận theo cách đăng nhập")
        paper.tabled(
            (76, 24),
            "LR",
            ("Cách đăng nhập", "Số phiếu"),
            [(_PROOFS.get(one["proof"], one["proof"]), _number(one["votes"])) for one in document["received_by_proof"]],
        )


def _rankings(paper: Paper, document: dict[str, Any]) -> None:
    paper.heading("IV. Kết quả")
    titles = {category["slug"]: category["title"] for category in document["categories"]}
    paper.say("Các bài dự thi có số phiếu bằng nhau được ghi đồng hạng; hệ thống không tự phân định thứ hạng.")
    paper.caption("1. Xếp hạng chung")
    paper.tabled(
        (12, 54, 20, 14),
        "LLLR",
        ("Hạng", "Bài dự thi", "Lĩnh vực", "Số phiếu"),
        [
            (_place(one), _entry(one), titles.get(one["category"], ""), _number(one["votes"]))
            for one in document["ranking"]
        ],
    )
    for number, category in enumerate(document["categories"], start=2):
        paper.caption(f"{number}. Lĩnh vực {category['title']}")
        paper.tabled(
            (12, 70, 18),
            "LLR",
            ("Hạng", "Bài dự thi", "Số phiếu"),
            [(_place(one), _entry(one), _number(one["votes"])) for one in category["ranking"]],
        )
    if document["withdrawn"]:
        paper.caption("Bài dự thi đã rút, không xếp hạng")
        paper.tabled(
            (76, 24),
            "LR",
            ("Bài dự thi", "Số phiếu"),
            [(one["title"], _number(one["votes"])) for one in document["withdrawn"]],
        )


def _place(one: dict[str, Any]) -> str:
    return f"{one['place']} (đồng hạng)" if one["tied"] else str(one["place"])


def _entry(one: dict[str, Any]) -> str:
    by = ", ".join(part for part in (one["author"], one["unit"]) if part)
    return f"{one['title']}\n{by}" if by else str(one["title"])


def _proof(paper: Paper, document: dict[str, Any], sha256: str, signature: str) -> None:
    paper.heading("V. Đối chiếu và chữ ký số", room=70)
    paper.say(
        "Trước khi lập biên bản, hòm phiếu đã ngừng nhận; mọi phiếu đã được ghi vào sổ phiếu; số phiếu trong hòm và"
        " trong sổ được đối chiếu theo từng phiếu, từng bài dự thi và khớp nhau. Sau đó hòm phiếu được khoá, không nhận"
        " thêm hay sửa đổi gì nữa.",
    )
    software, export = document["software"], document["votes_export"]
    for words, value in (
        ("Phần mềm", f"{software['name']} {software['version']}"),
        (f"Mã băm SHA-256 của tệp xuất phiếu ({_number(export['rows'])} dòng, đã ẩn danh)", export["sha256"]),
        ("Mã băm SHA-256 của biên bản dạng JSON", sha256),
        ("Chữ ký số Ed25519 của biên bản dạng JSON (base64)", signature),
        ("Khoá công khai (base64)", document["public_key"]),
    ):
        paper.set_font(FONT, "I", SMALL)
        paper.multi_cell(0, SMALL_LINE, words, align="L", new_x="LMARGIN", new_y="NEXT")
        paper.set_font(FONT, "", SMALL)
        paper.multi_cell(0, SMALL_LINE, value, align="L", wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT")
        paper.ln(1)

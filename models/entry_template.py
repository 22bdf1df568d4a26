"""The template of a spreadsheet of entries, as XLSX and as CSV, made for one contest: one chooses of its categories."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.styles import Alignment, Font, PatternFill  # type: ignore[import-untyped]
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]
from openpyxl.worksheet.datavalidation import DataValidation  # type: ignore[import-untyped]
from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

from models.entry_sheet import COLUMNS, DRAFT, EXAMPLE, PUBLISHED
from models.export_cells import safe
from models.sheet import MAX_ROWS
from models.sheet_xlsx import PREFERRED

_WIDTHS = {"title": 44, "category": 30, "summary": 44, "text": 60, "title_en": 36, "summary_en": 36, "text_en": 44}
_EXAMPLE = {
    "title": f"{EXAMPLE} (hãy xoá dòng này): Máy lọc nước cho vùng cao",
    "author": "Nhóm tác giả minh hoạ",
    "unit": "Trường THCS minh hoạ",
    "summary": "Máy lọc nước chạy bằng năng lượng mặt trời cho bản làng chưa có điện.",
    "text": "## Vấn đề\n\nNước suối đục vào mùa mưa.\n\n## Cách làm\n\n- Bể lắng\n- **Cột lọc** ba lớp",
    "video": "https://example.com/video",
    "title_en": "A water filter for the highlands",
    "summary_en": "A solar-powered filter for villages without electricity.",
    "text_en": "",
    "slug": "may-loc-nuoc",
    "state": DRAFT,
}
_EXPLAINED = {
    "title": "Bắt buộc. Một dòng, nhiều nhất 300 ký tự.",
    "category": "Bắt buộc. Chọn một lĩnh vực của cuộc thi trong danh sách.",
    "author": "Tên tác giả hoặc nhóm tác giả, như sẽ hiện trên trang.",
    "unit": "Trường, cơ quan, doanh nghiệp hoặc nơi ở của tác giả.",
    "summary": "Một hai câu, nhiều nhất 2.000 ký tự. Hiện ở đầu trang của bài và khi bài được chia sẻ.",
    "text": "Bài mô tả đầy đủ, nhiều nhất 50.000 ký tự (Excel giữ được 32.767 ký tự trong một ô). "
    "Xuống dòng trong ô: Alt+Enter. Dòng bắt đầu bằng ## là tiêu đề, bằng - là gạch đầu dòng, **chữ** là chữ đậm.",
    "video": "Địa chỉ bắt đầu bằng https://. Để trống nếu không có.",
    "title_en": "Hiện trên trang tiếng Anh; để trống thì trang tiếng Anh hiện tên tiếng Việt.",
    "summary_en": "Như trên.",
    "text_en": "Như trên.",
    "slug": "Phần cuối của địa chỉ trang, ví dụ may-loc-nuoc: chữ thường không dấu, chữ số, dấu gạch nối. "
    "Để trống thì được đặt theo tên bài. Bài đã có trong hệ thống được nhận ra theo tên này.",
    "state": f"“{PUBLISHED}” để hiện bài trên trang ngay khi nhập. “{DRAFT}” hoặc để trống: bài mới là bản nháp, "
    "bài đã có giữ nguyên trạng thái.",
}
_NOTES = (
    f"Mỗi dòng là một bài dự thi. Dòng có tên bài bắt đầu bằng “{EXAMPLE}” được bỏ qua.",
    f"Nhiều nhất {MAX_ROWS} bài trong một tệp. Không gộp ô, không dùng công thức.",
    "Bài đã có mà tệp không nhắc đến thì giữ nguyên. Cột bị xoá khỏi tệp cũng vậy; ô để trống thì xoá trắng mục đó.",
    "Trước khi nhập, hệ thống kiểm tra và cho xem từng dòng sẽ làm gì.",
)


def template_xlsx(categories: Sequence[str]) -> bytes:
    """`categories`: their titles."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = PREFERRED
    _headings(sheet)
    _example(sheet, categories)
    _choices(workbook, sheet, categories)
    _explanations(workbook)
    written = BytesIO()
    workbook.save(written)
    return written.getvalue()


def template_csv(categories: Sequence[str]) -> bytes:
    """With the mark by which Excel tells UTF-8."""
    written = StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow([column.heading for column in COLUMNS])
    rows.writerow([safe(_example_value(column.name, categories)) for column in COLUMNS])
    return written.getvalue().encode("utf-8-sig")


def _example_value(name: str, categories: Sequence[str]) -> str:
    return (categories[0] if categories else "") if name == "category" else _EXAMPLE[name]


def _headings(sheet: Worksheet) -> None:
    for at, column in enumerate(COLUMNS, start=1):
        cell = sheet.cell(1, at, column.heading + (" *" if column.needed else ""))
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="D8EFE2")
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = _WIDTHS.get(column.name, 24)
        sheet.column_dimensions[letter].number_format = "@"
    sheet.freeze_panes = "A2"


def _example(sheet: Worksheet, categories: Sequence[str]) -> None:
    for at, column in enumerate(COLUMNS, start=1):
        cell = sheet.cell(2, at, _example_value(column.name, categories))
        cell.data_type = "s"  # a category whose title begins with = is no formula
        cell.font = Font(italic=True, color="5F6B66")
    for row in sheet.iter_rows(min_row=2, max_row=300, max_col=len(COLUMNS)):
        for cell in row:
            cell.number_format = "@"  # text: no date is made of 10-5, no number of 007
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _choices(workbook: Workbook, sheet: Worksheet, categories: Sequence[str]) -> None:
    """Lists to choose from. The categories stand on a sheet: written into the rule, a list has 255 characters."""
    listed = workbook.create_sheet("Lĩnh vực")
    for at, title in enumerate(categories, start=1):
        listed.cell(at, 1).value = title
        listed.cell(at, 1).data_type = "s"  # a title that begins with = is no formula
    listed.column_dimensions["A"].width = 60
    names = [column.name for column in COLUMNS]
    rules = {"category": f"'Lĩnh vực'!$A$1:$A${max(1, len(categories))}", "state": f'"{PUBLISHED},{DRAFT}"'}
    for name, formula in rules.items():
        rule = DataValidation(type="list", formula1=formula, allow_blank=True)
        letter = get_column_letter(names.index(name) + 1)
        rule.add(f"{letter}2:{letter}{MAX_ROWS + 1}")
        sheet.add_data_validation(rule)


def _explanations(workbook: Workbook) -> None:
    sheet = workbook.create_sheet("Hướng dẫn", 1)
    for at, heading in enumerate(("Cột", "Cách điền"), start=1):
        sheet.cell(1, at, heading).font = Font(bold=True)
    for number, column in enumerate(COLUMNS, start=2):
        sheet.cell(number, 1, column.heading).font = Font(bold=column.needed)
        sheet.cell(number, 2, _EXPLAINED[column.name])
    for number, note in enumerate(_NOTES, start=len(COLUMNS) + 3):
        sheet.cell(number, 2, note)
    sheet.column_dimensions["A"].width = 26
    sheet.column_dimensions["B"].width = 110
    for row in sheet.iter_rows(max_col=2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")

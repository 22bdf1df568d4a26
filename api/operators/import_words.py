"""What is wrong with a spreadsheet, in words for operators: where, what, and what to do."""

from typing import Any

from api.operators.access import Acting
from api.operators.fault_words import words_of
from api.operators.language import N_
from models.entry_fields import Fault
from models.entry_sheet import COLUMNS

FILES = {
    "empty": N_("Tệp trống."),
    "too_large": N_("Tệp quá lớn: nhiều nhất là %(megabytes)s MB."),
    "too_many_rows": N_("Tệp có quá nhiều dòng: nhiều nhất là %(most)s bài trong một tệp. Hãy chia thành nhiều tệp."),
    "too_many_columns": N_("Tệp có quá nhiều cột: nhiều nhất là %(most)s. Hãy xoá các ô bên phải bảng."),
    "too_long": N_("Dòng %(row)s có một ô quá dài."),
    "not_a_sheet": N_("Tệp này không phải là bảng tính. Hãy gửi tệp .xlsx hoặc .csv."),
    "old_xls": N_(
        "Đây là tệp Excel kiểu cũ (.xls). Hãy mở bằng Excel, chọn Lưu thành (Save As) kiểu .xlsx rồi gửi lại."
    ),
    "xlsb": N_("Đây là tệp Excel nhị phân (.xlsb). Hãy lưu lại thành .xlsx rồi gửi lại."),
    "ods": N_("Đây là tệp OpenDocument (.ods). Hãy lưu lại thành .xlsx rồi gửi lại."),
    "encrypted": N_("Tệp có mật khẩu nên không đọc được. Hãy bỏ mật khẩu rồi gửi lại."),
    "bomb": N_("Tệp bị nén bất thường (bung ra quá lớn) nên không được mở."),
    "hostile": N_("Tệp chứa thành phần không được phép nên không được mở."),
    "broken": N_("Tệp bị hỏng, không đọc được. Hãy mở bằng Excel, lưu lại rồi gửi lại."),
    "no_sheet": N_("Tệp không có trang tính nào hiện ra. Hãy bỏ ẩn trang tính có các bài dự thi."),
    "encoding": N_(
        "Không nhận ra tiêu đề cột hoặc bảng mã chữ của tệp CSV. Hãy lưu lại kiểu “CSV UTF-8”, hoặc gửi tệp .xlsx, "
        "với tiêu đề cột như trong tệp mẫu."
    ),
    "csv": N_("Tệp CSV có dấu ngoặc kép không đóng. Hãy lưu lại bằng Excel rồi gửi lại."),
    "merged": N_("Có ô bị gộp (%(cells)s), nên không rõ giá trị thuộc dòng nào. Hãy bỏ gộp ô (Unmerge) rồi gửi lại."),
    "formulas": N_("Có công thức cho cả vùng %(cells)s. Hãy thay bằng giá trị (Dán đặc biệt → Giá trị) rồi gửi lại."),
}
ROWS = {
    "no_rows": N_("không có bài dự thi nào dưới dòng tiêu đề cột."),
    "unknown_column": N_("cột %(place)s có tiêu đề lạ “%(heading)s”. Hãy sửa theo tệp mẫu, hoặc xoá cột."),
    "repeated_column": N_("cột %(place)s lặp lại một cột đã có. Hãy xoá một trong hai."),
    "hidden_column": N_("cột %(place)s đang bị ẩn. Hãy bỏ ẩn để xem trước khi nhập, hoặc xoá cột."),
    "missing_column": N_("thiếu cột này. Hãy thêm cột với đúng tiêu đề như trong tệp mẫu."),
    "hidden_row": N_("dòng này đang bị ẩn. Hãy bỏ ẩn (hoặc bỏ lọc) để xem trước khi nhập, hoặc xoá dòng."),
    "no_heading": N_("cột %(place)s có chữ nhưng không có tiêu đề. Hãy xoá chữ đó, hoặc đặt tiêu đề cột."),
    "cell_formula": N_("ô %(cell)s là công thức. Hãy thay bằng chữ (Dán đặc biệt → Giá trị)."),
    "cell_number": N_("ô %(cell)s là số hoặc ngày tháng. Hãy định dạng ô là Văn bản (Text) rồi gõ lại."),
    "cell_boolean": N_("ô %(cell)s là giá trị đúng/sai. Hãy định dạng ô là Văn bản (Text) rồi gõ lại."),
    "cell_error": N_("ô %(cell)s là một lỗi của bảng tính. Hãy gõ lại."),
    "empty_cell": N_("để trống. Hãy điền vào."),
    "unknown_state": N_("chỉ nhận “Công bố”, “Nháp” hoặc để trống."),
    "no_such_category": N_("cuộc thi không có lĩnh vực “%(category)s”. Hãy chọn trong danh sách của tệp mẫu."),
    "repeated_row": N_(
        "trùng với dòng %(first)s: cả hai có tên trong địa chỉ là “%(slug)s”. Hãy xoá hoặc sửa một dòng."
    ),
    "no_draft_again": N_("bài đã được công bố thì không trở lại bản nháp. Muốn ẩn bài, hãy rút bài ở trang của bài."),
    "final_contest": N_("kết quả đã chốt: không thêm bài, không đổi lĩnh vực và trạng thái được nữa."),
    "voted_for": N_("bài đã có phiếu bầu cho nội dung này: chỉ quản trị viên đổi được, ở trang của bài."),
    "too_many_entries": N_("cuộc thi có nhiều nhất %(most)s bài."),
}
MEANT = N_("Có phải ý bạn là “%(meant)s”?")
LABELS = {column.name: column.heading for column in COLUMNS}


def file_problem(acting: Acting, result: dict[str, Any]) -> str:
    """Why a file could not be read."""
    return acting.say(FILES[result["problem"]], **result["values"])


def row_fault(acting: Acting, fault: dict[str, Any]) -> dict[str, Any]:
    """`row` (0: none), `column` (its heading, or ""), `sentence`. `fault`: of `models.entry_sheet.RowFault`."""
    code, values = fault["code"], fault["values"]
    if code in ROWS:
        sentence = acting.say(ROWS[code], **values)
        if values.get("meant"):
            sentence += " " + acting.say(MEANT, **values)
    else:
        sentence = words_of(Fault(fault["column"], code, values), acting.language)
    return {
        "row": fault["row"],
        "column": LABELS.get(fault["column"], ""),
        "sentence": sentence[:1].upper() + sentence[1:],
    }

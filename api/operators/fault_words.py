"""What is wrong with a field, in words for operators. Codes are those of `models.entry_fields.Fault`: pydantic's types
of error and our own.
"""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from api.operators.access import Acting
from api.operators.language import N_, Language
from models.entry_fields import Fault, faults_of

_EMPTY = N_("chưa nhập.")
_MOMENT = N_("chưa đúng ngày giờ. Ví dụ: 05/11/2026 lúc 00:00.")
WORDS = {
    "missing": _EMPTY,
    "string_too_short": _EMPTY,
    "string_type": N_("phải là chữ."),
    "string_too_long": N_("dài quá %(max_length)s ký tự."),
    "control_character": N_("có ký tự điều khiển %(character)s; hãy gõ lại chỗ đó."),
    "slug": N_("chỉ gồm chữ thường không dấu a–z, chữ số và dấu gạch nối đơn. Ví dụ: may-loc-nuoc."),
    "link": N_("phải là một địa chỉ bắt đầu bằng https://. Ví dụ: https://example.com/video."),
    "moment": _MOMENT,
    "no_such_moment": _MOMENT,
    "too_fine": _MOMENT,
    "year": N_("năm phải từ %(earliest)s đến %(latest)s."),
    "window": N_("phải sau lúc bắt đầu."),
    "literal_error": N_("chưa chọn."),
    "bool_type": N_("chưa chọn."),
    "int_type": N_("phải là một số nguyên."),
    "int_parsing": N_("phải là một số nguyên."),
    "greater_than_equal": N_("ít nhất là %(ge)s."),
    "less_than_equal": N_("nhiều nhất là %(le)s."),
    "less_than": N_("phải nhỏ hơn %(lt)s."),
    "unknown_category": N_("chưa chọn một lĩnh vực của cuộc thi."),
    "slug_taken": N_("một bài khác của cuộc thi đã có địa chỉ này."),
    "slug_fixed": N_("địa chỉ không đổi được sau khi bài đã công bố: người ta đã chia sẻ nó."),
    "voted_for": N_("bài đã có phiếu bầu cho nội dung này: chỉ quản trị viên đổi được."),
    "too_many": N_("đã đủ số lượng cho phép."),
    "final": N_("kết quả đã chốt, không thay đổi được nữa."),
    "state": N_("bài không ở trạng thái làm được việc này."),
    "taken": N_("đã có."),
}
OTHER = N_("chưa đúng.")


def words_of(fault: Fault, language: Language) -> str:
    """What is wrong, without the name of the field: `chưa nhập.`"""
    code = "unknown_category" if fault.field == "category" else fault.code  # chosen from a list, never spelt
    sentence = language.text(WORDS.get(code, OTHER))
    return sentence % fault.values if "%(" in sentence else sentence


def sentences(faults: Iterable[Fault], labels: Mapping[str, str], acting: Acting) -> dict[str, str]:
    """Field → sentence, as `faults` of `parts.html` takes them: the first fault of each field. `labels`: field → its
    name, marked for the catalogue.
    """
    said: dict[str, str] = {}
    for fault in faults:
        words = words_of(fault, acting.language)
        label = acting.say(labels[fault.field]) if fault.field in labels else ""
        said.setdefault(fault.field, f"{label}: {words}" if label else words[:1].upper() + words[1:])
    return said


def invalid(error: ValidationError, labels: Mapping[str, str], acting: Acting) -> dict[str, str]:
    """The same of what pydantic refused."""
    return sentences(faults_of(error), labels, acting)

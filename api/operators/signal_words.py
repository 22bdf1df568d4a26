"""Signals and limits in words."""

from typing import NamedTuple

from api.operators.language import N_
from models.signals.kinds import Signal

SIGNALS = {
    Signal.BURST: N_("Mở tài khoản dồn dập"),
    Signal.NAMES: N_("Tên tài khoản gần giống nhau"),
    Signal.DEVICE: N_("Cùng một dấu thiết bị"),
    Signal.RHYTHM: N_("Nhịp của máy"),
    Signal.NETWORK: N_("Một mạng dồn phiếu cho một bài"),
    Signal.DOMAIN: N_("Hộp thư dùng tạm"),
}
"""Signal → what it is called."""

MEANINGS = {
    Signal.BURST: N_(
        "Trong cùng vài phút có nhiều tài khoản mới, và phiếu của họ dồn cho bài này nhiều hơn hẳn so với lúc khác. Tin"
        " nhắn gửi toàn tỉnh cũng làm nhiều người vào cùng lúc, nhưng họ chia phiếu cho các bài như mọi lúc."
    ),
    Signal.NAMES: N_("Tên trước dấu @ của các tài khoản có chung phần lớn các mảnh; hệ thống không lưu tên."),
    Signal.DEVICE: N_("Dấu thiết bị này gặp ở phiếu cho bài này nhiều hơn hẳn so với phiếu cho các bài khác."),
    Signal.RHYTHM: N_("Phiếu cách nhau đều đặn, hoặc đến sau đăng nhập nhanh hơn tay người."),
    Signal.NETWORK: N_(
        "Tỷ lệ phiếu cho bài này trong mạng cao hơn hẳn ở mọi mạng khác. Trường học, cơ quan cũng như vậy: một mình dấu"
        " hiệu này không nói lên điều gì."
    ),
    Signal.DOMAIN: N_("Địa chỉ thư thuộc tên miền mà ai cũng mở được hộp thư."),
}
"""Signal → what it says, and what not."""

HASTE = N_("Bình chọn ngay sau đăng nhập, nhanh hơn tay người")
DOMAIN_TREND = N_("Một tên miền thư dồn phiếu cho một bài")

STATES = {
    "new": N_("Chưa xem"),
    "dismissed": N_("Đã bỏ qua"),
    "handed": N_("Đã đề nghị loại phiếu"),
    "dropped": N_("Đề nghị loại phiếu không thành"),
    "voided": N_("Đã loại phiếu"),
    "restored": N_("Đã loại rồi khôi phục phiếu"),
}
"""State of a cluster → words; of one that is handed over: of its correction (`models.correction.of_clusters`)."""


class LimitWords(NamedTuple):
    label: str
    hint: str


LIMITS = {
    "accounts": LimitWords(
        N_("Số tài khoản ít nhất của một nhóm"), N_("Ít hơn thế là gia đình, vài đồng nghiệp: không xét.")
    ),
    "times": LimitWords(
        N_("Gấp bao nhiêu lần mức kỳ vọng"),
        N_("Áp dụng cho thiết bị, mạng, mở tài khoản dồn dập; với tên là một nửa."),
    ),
    "certainty": LimitWords(
        N_("Độ chắc chắn không phải ngẫu nhiên (G)"),
        N_("30 nghĩa là ngẫu nhiên chỉ làm được một lần trong khoảng 20 triệu nhóm."),
    ),
    "likeness": LimitWords(N_("Độ giống của tên (0 đến 1)"), N_("Phần các mảnh tên chung với nhóm.")),
    "evenness": LimitWords(
        N_("Độ đều của nhịp (0 đến 1)"),
        N_("Khoảng giữa của các quãng nghỉ so với trung vị: người khoảng 1,6, máy gần 0. Càng nhỏ càng khắt khe."),
    ),
    "haste_s": LimitWords(N_("Nhanh hơn tay người (giây)"), N_("Từ lúc đăng nhập đến lúc bình chọn. 0 là không xét.")),
    "burst_minutes": LimitWords(N_("Khoảng của một đợt mở tài khoản (phút)"), ""),
    "sureness": LimitWords(
        N_("Các dấu hiệu cộng lại phải chắc đến đâu (0 đến 1)"), N_("Càng cao càng ít tài khoản bị nêu.")
    ),
    "window_days": LimitWords(
        N_("Lần tìm tự động xét phiếu của bao nhiêu ngày"), N_("Muốn xét tất cả, bấm “Tìm trong mọi phiếu”.")
    ),
}
"""Field of `models.limits.Limits` → label and hint."""

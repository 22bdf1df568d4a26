"""The words of the switches: what each is called, how it may stand, and what it does."""

from api.operators.language import N_

VOTING_STATES = {
    "open": N_("Nhận phiếu trong thời gian bình chọn"),
    "paused": N_("Đang tạm dừng"),
    "closed": N_("Đã kết thúc"),
    "final": N_("Đã chốt kết quả"),
    "": N_("Hòm phiếu chưa sẵn sàng"),
}
COUNTS_STATES = {
    "live": N_("Đang hiện"),
    "hidden": N_("Đang ẩn"),
    "published": N_("Kết quả đã công bố"),
}
BANNERS = {"banner": N_("Thông báo"), "banner_en": N_("Thông báo (tiếng Anh)")}
PROOFS = (
    N_("Bình thường: tự tăng khi có nhiều yêu cầu"),
    N_("Ít nhất gấp 2"),
    N_("Ít nhất gấp 4"),
    N_("Ít nhất gấp 8"),
)
NO_REASON = N_("Lý do: chưa nhập.")
NOT_OPEN = N_("Việc bình chọn không ở trạng thái đang nhận phiếu.")
NOT_PAUSED = N_("Việc bình chọn không ở trạng thái tạm dừng.")
PUBLISHED = N_("Kết quả đã công bố: không ẩn được nữa.")
NOT_CHOSEN = N_("Chưa chọn.")
DONE = {
    "switched": N_("Đã chuyển công tắc."),
    "ended": N_("Đã kết thúc mọi phiên đăng nhập của người bình chọn."),
    "late": N_("Đã dừng trên hòm phiếu. Sổ phiếu không trả lời: nhật ký được ghi ngay khi sổ trở lại."),
}

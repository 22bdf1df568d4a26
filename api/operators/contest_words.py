"""The words of the contests' pages."""

from api.operators.language import N_

STATES = {
    "draft": N_("Bản nháp"),
    "open": N_("Trong hòm phiếu"),
    "paused": N_("Đang tạm dừng"),
    "closed": N_("Đã kết thúc"),
    "final": N_("Đã chốt kết quả"),
}
LABELS = {
    "title": N_("Tên cuộc thi"),
    "slug": N_("Tên ngắn"),
    "opens_at": N_("Bắt đầu bình chọn"),
    "closes_at": N_("Kết thúc bình chọn"),
    "result_policy": N_("Số phiếu trên trang bình chọn"),
    "organiser": N_("Ban tổ chức"),
    "area": N_("Địa bàn"),
    "help_line": N_("Đường dây hỗ trợ"),
    "privacy_contact": N_("Liên hệ về dữ liệu cá nhân"),
    "summary": N_("Giới thiệu"),
    "rules": N_("Thể lệ"),
    "voters_note": N_("Lưu ý cho người bình chọn"),
    "recognise": N_("Nhận biết trang chính thức"),
    "title_en": N_("Tên cuộc thi (tiếng Anh)"),
    "organiser_en": N_("Ban tổ chức (tiếng Anh)"),
    "area_en": N_("Địa bàn (tiếng Anh)"),
    "summary_en": N_("Giới thiệu (tiếng Anh)"),
    "rules_en": N_("Thể lệ (tiếng Anh)"),
    "voters_note_en": N_("Lưu ý cho người bình chọn (tiếng Anh)"),
    "recognise_en": N_("Nhận biết trang chính thức (tiếng Anh)"),
    "minted_sessions": N_("Cuộc thi chỉ để diễn tập"),
    "shards": N_("Số phần của hòm phiếu"),
}
HINTS = {
    "organiser": N_("Tên cơ quan, như sẽ hiện ở chân mọi trang."),
    "area": N_("Nơi người bình chọn sống, học tập hoặc làm việc, ví dụ: tỉnh Thái Nguyên."),
    "help_line": N_("Số điện thoại, giờ làm việc."),
    "privacy_contact": N_("Email hoặc số điện thoại nhận yêu cầu xem, sửa, xoá dữ liệu cá nhân."),
    "summary": N_("Vài câu trên trang chủ."),
    "rules": N_("Cách một dòng trống để sang đoạn mới. Viết được danh sách, tiêu đề và liên kết theo Markdown."),
    "voters_note": N_("Một câu ngắn cạnh nút bình chọn, ví dụ: Mỗi tài khoản chỉ được bình chọn 1 lần/1 bài thi."),
    "recognise": N_("Địa chỉ chính thức, nơi đã công bố, điều ban tổ chức không bao giờ hỏi."),
}
VIETNAMESE = ("organiser", "help_line", "privacy_contact", "area", "summary", "rules", "voters_note", "recognise")
ENGLISH = ("title_en", "organiser_en", "area_en", "summary_en", "rules_en", "voters_note_en", "recognise_en")
ROWS = {"summary": 4, "voters_note": 2, "rules": 16, "recognise": 8}
MISSING = {
    "categories": N_("Chưa có lĩnh vực nào."),
    "entries": N_("Chưa có bài dự thi nào ở trạng thái “Đã công bố”."),
    "window": N_("Thời gian bình chọn đã qua."),
    "organiser": N_("Chưa ghi ban tổ chức."),
    "privacy_contact": N_("Chưa ghi liên hệ về dữ liệu cá nhân."),
    "rules": N_("Chưa có thể lệ."),
    "key": N_("Khoá định danh của hệ thống đã khác lúc tạo cuộc thi. Hãy báo kỹ thuật viên."),
}
CONSEQUENCES = {
    "closes_now": N_(
        "Bình chọn kết thúc ngay trong vài giây tới và vĩnh viễn: không ai, không cách nào mở lại được cuộc thi này."
    ),
    "closes_earlier": N_("Bình chọn kết thúc sớm hơn đã công bố. Ai định bình chọn vào những ngày cuối sẽ lỡ."),
    "closes_later": N_("Bình chọn kéo dài hơn đã công bố."),
    "opens_now": N_("Bình chọn mở ngay lập tức."),
    "opens_later": N_("Bình chọn bắt đầu muộn hơn đã công bố."),
    "opens_earlier": N_("Bình chọn bắt đầu sớm hơn đã công bố."),
    "stops_until": N_("Đang bình chọn: việc nhận phiếu ngừng ngay lập tức và chỉ tiếp tục từ lúc bắt đầu mới."),
}
WINDOW_REFUSALS = {
    "over": N_("Bình chọn đã kết thúc hoặc sắp kết thúc trong vài giây: thời gian không thay đổi được nữa."),
    "order": N_("Lúc kết thúc phải sau lúc bắt đầu."),
    "same": N_("Thời gian chưa khác gì thời gian đang có."),
    "changed": N_("Người khác vừa đổi thời gian của cuộc thi này. Hãy xem lại rồi làm lại nếu vẫn cần."),
    "draft": N_("Cuộc thi còn là bản nháp: hãy đổi thời gian trong mẫu sửa."),
}
DONE = {
    "created": N_("Đã lưu bản nháp của cuộc thi. Bước tiếp theo: thêm lĩnh vực và bài dự thi."),
    "saved": N_("Đã lưu."),
    "window": N_("Đã đổi thời gian bình chọn."),
    "live": N_("Cuộc thi được đưa vào hòm phiếu."),
    "deleted": N_("Đã xoá bản nháp của cuộc thi."),
}

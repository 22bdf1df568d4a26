"""What each alarm of the live view means and what to do, for people who are no engineers. The commands are for the
technician whom they call; docs/operations.md says more about each.
"""

from typing import NamedTuple

from api.operators.language import N_


class Advice(NamedTuple):
    """All marked for the catalogue."""

    title: str
    meaning: str
    steps: tuple[str, ...]


_CALL = N_("Báo kỹ thuật viên ngay, kể cả ban đêm.")

ADVICE = {
    "box_away": Advice(
        N_("Hòm phiếu không trả lời"),
        N_(
            "Hòm phiếu là nơi nhận phiếu. Khi nó không trả lời, người bình chọn được mời thử lại sau; trang xem bài "
            "vẫn mở được. Phiếu đã xác nhận với người bình chọn không bị mất."
        ),
        (
            N_("Chờ một phút: hệ thống tự khởi động lại hòm phiếu."),
            _CALL,
            N_("Kỹ thuật viên: xem “binhchon ps”, dung lượng ổ đĩa và nhật ký trong thư mục logs."),
        ),
    ),
    "ledger_away": Advice(
        N_("Sổ phiếu không trả lời"),
        N_(
            "Việc bình chọn vẫn diễn ra bình thường: phiếu nằm an toàn trong hòm và sẽ được ghi sổ sau. Chỉ các trang "
            "điều hành và việc tra cứu mã phiếu là chưa dùng được."
        ),
        (
            _CALL,
            N_("Theo dõi mục bộ nhớ hòm phiếu: khi sổ vắng lâu, hòm đầy dần."),
            N_("Kỹ thuật viên: khởi động lại PostgreSQL; việc ghi sổ tự đuổi kịp."),
        ),
    ),
    "scratch_away": Advice(
        N_("Bộ nhớ tạm không trả lời"),
        N_(
            "Ai đã đăng nhập vẫn bình chọn được. Chưa ai đăng nhập mới được, và phiếu chờ trong hòm chưa được ghi sổ. "
            "Trang này cũng không thấy được các tiến trình."
        ),
        (_CALL, N_("Kỹ thuật viên: khởi động lại Valkey “scratch”; mọi việc tự chạy tiếp.")),
    ),
    "not_ready": Advice(
        N_("Một máy chủ không nhận phiếu"),
        N_(
            "Tiến trình này không tin vào hòm phiếu mà nó thấy, hoặc không đọc được. Thường gặp trong vài giây khi hòm "
            "phiếu được sửa; kéo dài thì có thể hòm đã quay về quá khứ sau sự cố ổ đĩa."
        ),
        (
            N_("Chờ một phút: việc sửa sổ chạy tự động."),
            N_("Nếu còn, báo kỹ thuật viên: xem lý do ở bảng Tiến trình và cảnh báo ALARM trong nhật ký."),
        ),
    ),
    "drift": Advice(
        N_("Hòm phiếu và sổ phiếu lệch nhau"),
        N_("Số đếm trong hòm khác với sổ phiếu tại cùng một thời điểm. Bình thường con số này luôn là 0."),
        (
            N_("Không công bố số liệu nào cho đến khi hết lệch."),
            _CALL,
            N_("Kỹ thuật viên: “binhchon reconcile --rows”, rồi “binhchon repair”: từng dòng trong sổ là căn cứ."),
        ),
    ),
    "proof": Advice(
        N_("Chứng minh số phiếu không khớp"),
        N_(
            "Hằng đêm, số phiếu được đếm lại từ từng dòng trong sổ và từng lá phiếu trong hòm. Lần gần nhất có "
            "chỗ khác."
        ),
        (_CALL, N_("Kỹ thuật viên: “binhchon reconcile --rows” cho biết khác ở đâu, rồi “binhchon repair”.")),
    ),
    "fault": Advice(
        N_("Sửa sổ chưa thành công"),
        N_("Hòm và sổ không khớp nhau và việc sửa tự động đã dừng lại, vì nó không đoán khi không chắc chắn."),
        (
            _CALL,
            N_("Kỹ thuật viên: nhật ký của tiến trình “books” nói rõ lý do; xem bảng Alarms trong docs/operations.md."),
        ),
    ),
    "parked": Advice(
        N_("Có sự kiện bị tạm giữ"),
        N_(
            "Sổ phiếu từ chối dữ liệu của một vài phiếu. Các phiếu ấy vẫn nằm trong hòm và được tính; chưa thể "
            "chốt kết quả "
            "khi còn sự kiện bị tạm giữ."
        ),
        (
            N_("Báo kỹ thuật viên trước khi chốt."),
            N_("Kỹ thuật viên: xem parked_events.reason, sửa nguyên nhân, rồi “binhchon repair”."),
        ),
    ),
    "conflicts": Advice(
        N_("Phiếu đã có sẵn trong sổ"),
        N_("Một số phiếu được đưa vào sổ hai lần và lần thứ hai đã bị chặn. Có thể đang có hai hệ thống cùng chạy."),
        (
            _CALL,
            N_(
                "Kỹ thuật viên: tìm hệ thống thứ hai đang ghi vào cùng sổ phiếu; mục Sai lệch cho biết hòm đếm thừa "
                "bao nhiêu."
            ),
        ),
    ),
    "ticker": Advice(
        N_("Bộ hẹn giờ im lặng"),
        N_(
            "Bộ hẹn giờ nhắc việc ghi sổ, gửi mã đăng nhập và đưa quyết định của bạn vào hòm. Phiếu vẫn được "
            "nhận. Đến giờ "
            "đóng, hòm phiếu vẫn tự đóng."
        ),
        (N_("Chờ nửa phút: hệ thống tự khởi động lại tiến trình."), N_("Nếu còn, báo kỹ thuật viên: “binhchon ps”.")),
    ),
    "worker": Advice(
        N_("Thiếu tiến trình xử lý hàng đợi"),
        N_(
            "“flush” ghi phiếu vào sổ, “codes” gửi mã đăng nhập, “books” đối chiếu sổ, “tasks” làm các việc bạn "
            "yêu cầu ở "
            "bàn điều hành. Thiếu tiến trình nào thì việc đó dừng; phiếu vẫn được nhận."
        ),
        (
            N_("Chờ nửa phút: hệ thống tự khởi động lại tiến trình."),
            N_("Nếu còn, báo kỹ thuật viên: “binhchon ps” và nhật ký của hàng đợi."),
        ),
    ),
    "books_old": Advice(
        N_("Chưa đối chiếu được sổ"),
        N_("Các số về chờ ghi sổ, sai lệch và tạm giữ là của lần đối chiếu cuối, không phải lúc này."),
        (N_("Xem có cảnh báo nào khác về sổ phiếu, hòm phiếu hay bộ hẹn giờ không, và làm theo cảnh báo đó."),),
    ),
    "lag": Advice(
        N_("Ghi sổ chậm"),
        N_("Phiếu đã nhận nằm trong hòm lâu hơn thường lệ trước khi vào sổ. Không mất phiếu nào."),
        (
            N_("Trong lúc cao điểm: chỉ cần theo dõi, con số sẽ giảm khi lượng phiếu giảm."),
            N_("Nếu lượng phiếu thấp mà vẫn chậm, báo kỹ thuật viên: tiến trình “flush” hoặc PostgreSQL."),
        ),
    ),
    "memory": Advice(
        N_("Hòm phiếu sắp đầy bộ nhớ"),
        N_("Khi đầy, hòm không nhận thêm phiếu; không mất phiếu đã nhận. Tạm dừng và đóng vẫn làm được."),
        (
            _CALL,
            N_(
                "Kỹ thuật viên: tăng BOX_MAXMEMORY (và “CONFIG SET maxmemory” khi đang chạy); nếu sổ phiếu vắng, "
                "đưa nó trở lại trước."
            ),
        ),
    ),
    "scratch_memory": Advice(
        N_("Bộ nhớ tạm sắp đầy"),
        N_(
            "Mỗi lượt đăng nhập để lại một ít dữ liệu trong bộ nhớ tạm, phần lớn tự mất sau mười phút. Khi đầy, không "
            "ai đăng nhập mới được và phiếu chờ trong hòm chưa được ghi sổ; ai đã đăng nhập vẫn bình chọn được."
        ),
        (
            _CALL,
            N_(
                "Kỹ thuật viên: tăng SCRATCH_MAXMEMORY (và “CONFIG SET maxmemory” trên Valkey “scratch” khi đang chạy)."
            ),
        ),
    ),
    "disk": Advice(
        N_("Ổ đĩa sắp đầy"),
        N_("Khi đầy, hòm phiếu và sổ phiếu dừng lại. Không mất phiếu đã xác nhận, nhưng không nhận được phiếu mới."),
        (_CALL, N_("Kỹ thuật viên: dọn chỗ trên ổ đĩa; mọi việc tự chạy tiếp trong khoảng 20 giây.")),
    ),
    "refusing": Advice(
        N_("Đang phải từ chối vì quá tải"),
        N_("Có nhiều lượt hơn sức nhận. Người bình chọn được mời thử lại và trang tự thử lại; không ai bị tính sai."),
        (
            N_("Chờ vài phút nếu vừa gửi thông báo diện rộng."),
            N_("Nếu kéo dài, báo kỹ thuật viên: thêm tiến trình nhận phiếu (WEB_CONCURRENCY) hoặc máy mạnh hơn."),
        ),
    ),
    "claims": Advice(
        N_("Báo mất phiếu chưa vào sổ"),
        N_("Người bình chọn đã gửi báo mất phiếu; các báo này chờ trong bộ nhớ tạm và chưa hiện ở mục Báo mất phiếu."),
        (N_("Xem có cảnh báo về sổ phiếu hoặc hàng đợi “books” không, và làm theo cảnh báo đó."),),
    ),
    "failed_jobs": Advice(
        N_("Công việc nền bị lỗi"),
        N_("Một việc chạy nền dừng vì lỗi chưa lường trước. Không mất phiếu nào: việc ghi sổ được nhắc lại mỗi giây."),
        (
            N_("Mở trang “Công việc nền bị lỗi” và bấm “Chạy lại”."),
            N_("Nếu lỗi lặp lại, gửi dòng lỗi trên trang ấy cho kỹ thuật viên."),
        ),
    ),
    "late_claims": Advice(
        N_("Báo mất phiếu quá hạn"),
        N_("Có người bình chọn đã chờ câu trả lời hơn hai ngày làm việc."),
        (N_("Mở mục “Báo mất phiếu” và trả lời từ trên xuống: báo cũ nhất đứng đầu."),),
    ),
    "late_requests": Advice(
        N_("Yêu cầu về dữ liệu cá nhân quá hạn"),
        N_("Pháp luật buộc trả lời trong hai ngày làm việc. Thời hạn ấy đã qua."),
        (N_("Quản trị viên: mở mục “Yêu cầu về dữ liệu cá nhân”, trả lời những dòng màu đỏ trước."),),
    ),
    "guessing": Advice(
        N_("Có người thử mật khẩu điều hành"),
        N_(
            "Nhiều lần nhập sai ở trang đăng nhập: có thể ai đó quên mật khẩu, cũng có thể ai đó đang dò. Mỗi tên bị "
            "chặn sau năm lần sai, và mật khẩu đúng vẫn chưa đủ nếu thiếu mã xác thực."
        ),
        (
            N_("Hỏi các đồng nghiệp xem có ai vừa nhập sai không."),
            N_("Quản trị viên: mở “Nhật ký”, tìm “Bị chặn đăng nhập vì nhập sai nhiều lần” và “Có người dò mật khẩu”."),
            N_("Nếu không phải đồng nghiệp: nhờ kỹ thuật chặn địa chỉ mạng ghi trong nhật ký ở máy chủ phía trước."),
        ),
    ),
}
"""Code of an alarm → advice."""

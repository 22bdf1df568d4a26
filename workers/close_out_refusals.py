"""Why a close-out does not go on, and what to do: in Vietnamese for the console, in English for the terminal."""

from enum import Enum


class Refusal(Enum):
    """(Vietnamese, English), with values to be filled in."""

    OTHER_KEY = (
        "Khoá định danh của hệ thống không phải là khoá đã mở cuộc thi. Hãy đặt lại đúng khoá rồi kiểm phiếu lại.",
        "this installation's identity key is not the one that the contest was made with",
    )
    NOT_READY = (
        "Hòm phiếu chưa sẵn sàng hoặc đang được sửa sổ. Hệ thống tự sửa; hãy kiểm phiếu lại sau vài phút.",
        "the box is not ready, or being repaired; run it again in some minutes",
    )
    NOT_OVER = (
        "Chưa hết thời gian bình chọn. Hãy chờ đến hết giờ, hoặc chọn kết thúc sớm và ghi rõ lý do.",
        "voting is not over; wait for its end, or end it now with --early REASON",
    )
    CORRECTIONS = (
        (
            "Còn việc loại hoặc khôi phục phiếu chưa xong (số %(numbers)s). Hãy phê duyệt, bác bỏ hoặc chờ chạy xong"
            " rồi kiểm phiếu lại."
        ),
        "corrections are not decided or not done (%(numbers)s); see to them first",
    )
    PENDING = (
        "Còn phiếu chưa được ghi vào sổ phiếu. Hãy xem tiến trình ghi sổ có đang chạy không, rồi kiểm phiếu lại.",
        "events are still pending; see whether the flush runs, then run it again",
    )
    PARKED = (
        (
            "Có %(number)s sự kiện bị tạm giữ vì sổ phiếu không nhận. Kỹ thuật viên xử lý bằng lệnh “binhchon repair”,"
            " rồi kiểm phiếu lại."
        ),
        "%(number)s events stand parked; see to them with binhchon repair",
    )
    DRIFT = (
        (
            "Hòm phiếu và sổ phiếu sai lệch %(number)s phiếu. Kỹ thuật viên xem “binhchon reconcile” và chạy “binhchon"
            " repair”, rồi kiểm phiếu lại."
        ),
        "box and ledger differ by %(number)s votes; see binhchon reconcile and binhchon repair",
    )
    PROOF = (
        (
            "Đối chiếu từng phiếu không khớp ở phần %(shard)s: thiếu trong sổ %(ledger)s, thiếu trong hòm %(box)s, bài"
            " sai tổng %(tallies)s, khoá lạ %(misfits)s. Kỹ thuật viên chạy “binhchon repair”, rồi kiểm phiếu lại."
        ),
        (
            "rows and ballots of shard %(shard)s do not agree: missing in ledger %(ledger)s, missing in box %(box)s,"
            " tallies off %(tallies)s, misfits %(misfits)s; run binhchon repair"
        ),
    )
    COUNT = (
        (
            "Số phiếu đếm từ sổ không khớp với tổng đã ghi. Kỹ thuật viên xem “binhchon reconcile --rows”, rồi kiểm"
            " phiếu lại."
        ),
        "the votes counted from the rows are not what the tallies say; see binhchon reconcile --rows",
    )


class CloseOutRefusedError(Exception):
    """The close-out stops here; the contest is `closed`, or `final` without minutes. It may be run again."""

    def __init__(self, refusal: Refusal, **values: object) -> None:
        vietnamese, english = refusal.value
        super().__init__(english % values if values else english)
        self.refusal = refusal
        self.sentence = vietnamese % values if values else vietnamese

"""What a reader of the report must know beside the checks: what it says, and what it cannot say."""

from loadtests.rehearsal.check import Seen
from loadtests.rehearsal.counts import percentile

Note = tuple[str, str]
"""In Vietnamese and in English."""


HERE: Note = (
    """Hệ thống thử chạy riêng trên chính máy này, cùng với chương trình tạo tải: máy thật không phải chia sức như vậy.
    Không phiếu diễn tập nào vào cuộc thi thật.""",
    """The stack was one of its own, on the machine that the load came from, too: a real one does not share its
    processor so. No vote of the rehearsal came near a real contest.""",
)
ELSEWHERE: Note = (
    """Hệ thống ở nơi khác: chỉ kiểm tra được những gì HTTP cho biết (số đếm công khai, tra cứu mã phiếu,
    /health/ready). Bộ nhớ, sai lệch từng dòng và tiến trình khởi động lại phải xem trên máy đó: binhchon status,
    binhchon reconcile --rows.""",
    """The installation is elsewhere: only what HTTP tells was checked (public counts, receipts, /health/ready). Memory,
    the proof by rows and restarts must be looked at there: binhchon status, binhchon reconcile --rows.""",
)
HIDDEN: Note = (
    """Số phiếu đang được ẩn theo quy định của cuộc thi, nên không so được số phiếu đã báo nhận với số đếm.""",
    """The contest hides its counts, so acknowledged votes could not be compared with the count.""",
)
SENT_AWAY: Note = (
    """{away} lượt bấm không được trả lời ngay (bị hẹn lại hoặc đứt kết nối); người bấm đã thử lại, {unknown} phiếu đến
    cuối vẫn chưa rõ kết quả. 99% phiếu đã báo nhận có mã trong {wait}.""",
    """{away} presses were not answered at once (asked to come back, or the connection broke); they were repeated,
    {unknown} votes stayed unclear. 99% of the acknowledged votes had their receipt within {wait}.""",
)
UNREADY: Note = (
    """Trong {seconds} giây, hệ thống tự báo là chưa sẵn sàng hoặc không trả lời (/health/ready).""",
    """For {seconds} seconds the system said that it was not ready, or did not answer (/health/ready).""",
)
BUSY: Note = (
    """Chương trình tạo tải đã dùng gần hết một nhân xử lý trong {seconds} giây: thời gian đo được gồm cả phần chậm của
    chính nó. Hãy diễn tập từ nhiều máy hơn, hoặc với ít người hơn.""",
    """The load generator had hardly any of its processor left for {seconds} seconds: the times hold delays of its own.
    Rehearse from more machines, or with fewer people.""",
)
DISTURBED: Note = (
    """Chương trình khác đã chiếm {share} sức của máy này trong lúc diễn tập: lúc máy rảnh, trả lời sẽ nhanh hơn.""",
    """Other programs took {share} of this machine meanwhile: answers are faster when it is quiet.""",
)
BUSY_SHARE, DISTURBED_SHARE = 0.85, 0.1


def notes(seen: Seen, *, elsewhere: bool) -> list[Note]:
    """Those that apply, the most general first."""
    found = [ELSEWHERE if elsewhere else HERE]
    if not seen.books.shown:
        found.append(HIDDEN)
    away = seen.counts["status.vote.503"] + seen.counts["status.vote.429"] + seen.counts["status.vote.0"]
    if away:
        wait = percentile(seen.counts, "wait.", 0.99)
        shown = "—" if wait is None else f"{wait:,.0f} ms"
        found.append(_filled(SENT_AWAY, away=f"{away:,}", unknown=f"{seen.books.unknown:,}", wait=shown))
    unready = sum(not sample.ready for sample in seen.samples)
    if unready:
        found.append(_filled(UNREADY, seconds=str(unready)))
    busy = sum(sample.generator > BUSY_SHARE for sample in seen.samples)
    if busy:
        found.append(_filled(BUSY, seconds=str(busy)))
    if seen.others > DISTURBED_SHARE:
        found.append(_filled(DISTURBED, share=f"{seen.others:.0%}"))
    return found


def _filled(note: Note, **values: str) -> Note:
    vi, en = (text.format(**values) for text in note)
    return vi, en

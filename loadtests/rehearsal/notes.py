"""What a reader of the report must know beside the checks: what it says, and what it cannot say."""

from collections.abc import Callable, Sequence
from datetime import datetime

from loadtests.rehearsal.check import Seen
from loadtests.rehearsal.counts import percentile
from loadtests.rehearsal.turnout import Profile, Turnout
from loadtests.rehearsal.watching import Sample

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
HELD: Note = (
    """{began} (giờ UTC), {target}: {voters} người bình chọn đến trong {minutes} phút ({shape}), khoảng {votes} phiếu;
    lúc đông nhất mỗi giây {arrivals} người, {votes_s} phiếu, {requests_s} yêu cầu.""",
    """{began} (UTC), {target}: {voters} voters within {minutes} minutes ({shape}), about {votes} votes; at the peak
    {arrivals} people, {votes_s} votes and {requests_s} requests a second.""",
)
OWN_STACK: Note = ("hệ thống thử trên máy này", "a stack of its own on this machine")
SENT_AWAY: Note = (
    """{away} lượt bấm không được trả lời ngay (bị hẹn lại hoặc đứt kết nối); người bấm đã thử lại. {found} phiếu không
    có lời báo nhận được tìm thấy trong lá phiếu của chính người đó và phải được đếm; {unknown} phiếu đến cuối vẫn chưa
    rõ. 99% phiếu đã báo nhận có mã trong {wait}.""",
    """{away} presses were not answered at once (asked to come back, or the connection broke); they were repeated.
    {found} votes without an acknowledgement were found in their voters' ballots, and must be counted; {unknown} stayed
    unclear. 99% of the acknowledged votes had their receipt within {wait}.""",
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
    away = seen.counts["status.vote.503"] + seen.counts["status.vote.429"] + seen.counts["status.vote.0"]
    if away:
        wait = percentile(seen.counts, "wait.", 0.99)
        shown = "—" if wait is None else f"{wait:,.0f} ms"
        settled = {"found": f"{seen.books.found:,}", "unknown": f"{seen.books.unknown:,}"}
        found.append(filled(SENT_AWAY, away=f"{away:,}", wait=shown, **settled))
    unready = _seconds(seen.samples, lambda sample: not sample.ready)
    if unready:
        found.append(filled(UNREADY, seconds=str(unready)))
    busy = _seconds(seen.samples, lambda sample: sample.generator > BUSY_SHARE)
    if busy:
        found.append(filled(BUSY, seconds=str(busy)))
    if seen.others > DISTURBED_SHARE:
        found.append(filled(DISTURBED, share=f"{seen.others:.0%}"))
    return found


def held(turnout: Turnout, load: Profile, began: datetime, url: str | None) -> Note:
    """What was rehearsed, when and where."""
    numbers = {
        "began": f"{began:%Y-%m-%d %H:%M}",
        "voters": f"{load.voters:,}",
        "minutes": f"{turnout.minutes:g}",
        "shape": turnout.shape,
        "votes": f"{load.votes:,}",
        "arrivals": f"{load.peak_arrivals_per_s:,.0f}",
        "votes_s": f"{load.peak_votes_per_s:,.0f}",
        "requests_s": f"{load.peak_requests_per_s:,.0f}",
    }
    vi, en = (_flat(text.format(target=url or own, **numbers)) for text, own in zip(HELD, OWN_STACK, strict=True))
    return vi, en


def _seconds(samples: Sequence[Sample], wanted: Callable[[Sample], bool]) -> int:
    """Seconds of which the `wanted` samples tell: until the next one, for a system that hangs is looked at seldom."""
    ends = [sample.s for sample in samples[1:]] + [sample.s + 1 for sample in samples[-1:]]
    return sum(max(1, end - sample.s) for sample, end in zip(samples, ends, strict=True) if wanted(sample))


def filled(note: Note, **values: str) -> Note:
    vi, en = (_flat(text.format(**values)) for text in note)
    return vi, en


def _flat(text: str) -> str:
    return " ".join(text.split())

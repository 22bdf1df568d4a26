"""What a capacity means: in voters a minute, what to add for more of them, and what the number leaves out."""

import math

from loadtests.rehearsal.capacity import Capacity
from loadtests.rehearsal.climbing import DISTURBED
from loadtests.rehearsal.notes import Note, filled

SPARE = 0.6
"""Of what the machine can carry, how much it should be asked for: what is left makes good for the error of the model of
docs/capacity.md, which promised up to 46 % more than was measured.
"""
AT_LEAST: Note = ("ít nhất ", "at least ")
NO_NOTE: Note = ("", "")
CARRIES: Note = (
    """Hệ thống này mang được {least_vi}{carried} người bình chọn mỗi phút, mỗi người {each} phiếu ({least_vi}{votes}
    phiếu/giây, {pages} trang/giây; tính {processes} tiến trình API cho việc đăng nhập).""",
    """This installation carries {least_en}{carried} voters a minute with {each} votes each ({least_en}{votes} votes/s,
    {pages} pages/s; logins reckoned with {processes} API processes).""",
)
SAME: Note = (
    """wrk chạy trên cùng {cores} nhân xử lý này: máy không phải chạy wrk thì mang được nhiều hơn.""",
    """wrk ran on the same {cores} cores: without it the machine carries more.""",
)
APART: Note = (
    """wrk chạy ở máy khác: con số tính cả mạng ở giữa và mọi máy chủ trung gian. Trong lúc đo, hãy xem binhchon status
    ở máy chủ; kết quả đếm từng dòng phải xem ở đó: binhchon reconcile --rows.""",
    """wrk ran elsewhere: the number holds the network and every proxy in between. Look at binhchon status there, and at
    the proof by rows: binhchon reconcile --rows.""",
)
WHY_LEAST: Note = (
    """“Ít nhất”: wrk, các kết nối của nó hoặc số mã đăng nhập đã hết trước khi hệ thống đạt giới hạn.""",
    """"At least": wrk, its connections or the tokens were at their end before the system was.""",
)
DISTURBED_BY: Note = (
    """Chương trình khác đã chiếm tới {share} sức của máy này: hãy đo lại lúc máy rảnh.""",
    """Other work took up to {share} of this machine: measure again when it is quiet.""",
)
ENOUGH: Note = (
    """{wanted} người mỗi phút: không cần thêm gì, vẫn còn dư {spare}.""",
    """{wanted} a minute need nothing more, with {spare} to spare.""",
)
MORE: Note = (
    """{wanted} người mỗi phút, để dư {spare}, là gấp {share} lần: cần {cores} nhân xử lý loại này,
    WEB_CONCURRENCY={processes}, để lại mỗi nhân cho hòm phiếu và cho việc ghi sổ cùng cơ sở dữ liệu. Rồi đo lại
    ở đó.""",
    """{wanted} a minute, with {spare} to spare, are {share} times as many: {cores} cores of this kind,
    WEB_CONCURRENCY={processes}, which leaves a core each for the box and for the flush with its database. Measure again
    there.""",
)


def carries(capacity: Capacity, votes_each: float) -> Note:
    """The sentence that everything is about."""
    least = AT_LEAST if capacity.at_least else NO_NOTE
    return filled(
        CARRIES,
        least_vi=least[0],
        least_en=least[1],
        carried=f"{capacity.voters_per_minute(votes_each):,.0f}",
        each=f"{votes_each:g}",
        votes=f"{capacity.votes_per_s:,.0f}",
        pages=f"{capacity.pages_per_s:,.0f}",
        processes=str(capacity.processes),
    )


def enough(capacity: Capacity, votes_each: float, wanted: float) -> bool:
    """Whether `wanted` voters a minute are carried, with room to spare."""
    return wanted <= capacity.voters_per_minute(votes_each) * SPARE


def advice(capacity: Capacity, votes_each: float, wanted: float | None) -> list[Note]:
    """What it means, in sentences. `wanted`: voters a minute."""
    found = [carries(capacity, votes_each)]
    if wanted is not None:
        found.append(_to_add(capacity, votes_each, wanted))
    if capacity.at_least:
        found.append(filled(WHY_LEAST))
    found.append(filled(APART) if capacity.url else filled(SAME, cores=str(capacity.cores)))
    if capacity.others >= DISTURBED:
        found.append(filled(DISTURBED_BY, share=f"{capacity.others:.0%}"))
    return found


def _to_add(capacity: Capacity, votes_each: float, wanted: float) -> Note:
    spare = f"{1 - SPARE:.0%}"
    if enough(capacity, votes_each, wanted):
        return filled(ENOUGH, wanted=f"{wanted:,.0f}", spare=spare)
    share = wanted / (capacity.voters_per_minute(votes_each) * SPARE)
    cores = math.ceil(capacity.cores * share)
    return filled(
        MORE,
        wanted=f"{wanted:,.0f}",
        spare=spare,
        share=f"{share:.1f}",
        cores=str(cores),
        processes=str(max(capacity.processes + 1, cores - 2)),
    )

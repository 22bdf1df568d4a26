"""Whether what the voters were told is what the system has."""

from loadtests.rehearsal.books import IN_LEDGER, Books
from loadtests.rehearsal.check import Check
from loadtests.rehearsal.limits import Limits


def of_books(books: Books, limits: Limits) -> list[Check]:
    off = {
        entry: counted
        for entry, (known, unknown, counted) in books.by_entry.items()
        if counted is not None and not known <= counted <= known + unknown
    }
    counted = books.counted
    number = "—" if counted is None else f"{counted:,}"
    told = f"{books.acknowledged:,} → {number}" + (f" (± {books.unknown:,})" if books.unknown else "")
    agree = books.box is not None and books.box == books.ledger
    agree = agree and [books.pending, books.parked, books.drift] == [0, 0, 0]
    sample, wanted = sum(books.receipts.values()), min(limits.least_sample, books.acknowledged)
    return [
        Check(
            "acknowledged_is_counted",
            ok=counted is not None and not off and books.acknowledged > 0 if books.shown else None,
            vi="Mọi phiếu đã báo nhận đều được đếm, không thừa, không thiếu, ở từng bài",
            en="Every acknowledged vote is counted, none more and none less, for each entry",
            seen=told + (f"; off: {off}" if off else ""),
            allowed="=",
        ),
        Check(
            "box_is_ledger",
            ok=None if books.proof is None else agree and books.proof == "",
            vi="Hòm phiếu khớp sổ phiếu, kể cả khi đếm lại từng dòng",
            en="Box and ledger agree, counted by rows and ballots too",
            seen=f"{books.box} / {books.ledger}, pending {books.pending}, parked {books.parked}, drift {books.drift}"
            + (f"; {books.proof}" if books.proof else ""),
            allowed="=, 0, 0, 0",
        ),
        Check(
            "nobody_twice",
            ok=books.twice == 0 and books.changed_receipts == 0,
            vi="Không ai được đếm hai lần; bấm lại nhận đúng mã phiếu cũ",
            en="Nobody is counted twice; a repeat gets the same receipt",
            seen=f"{books.twice}, {books.changed_receipts}",
            allowed="0, 0",
        ),
        Check(
            "receipts_in_ledger",
            ok=sample >= wanted and books.receipts == ({IN_LEDGER: sample} if sample else {}),
            vi="Mã phiếu lấy mẫu đều tra được trong sổ phiếu",
            en="Sampled receipts are all in the ledger",
            seen=", ".join(f"{status} {times:,}" for status, times in sorted(books.receipts.items())) or "0",
            allowed=f"in_ledger ≥ {wanted:,}",
        ),
        Check(
            "nobody_refused_for_good",
            ok=not books.refused and books.earlier == 0,
            vi="Không cử tri hợp lệ nào bị từ chối; không mã đăng nhập nào đã dùng từ trước",
            en="No genuine voter was refused; no token had voted before",
            seen=f"{books.refused or 0}, {books.earlier}",
            allowed="0, 0",
        ),
        Check(
            "nobody_gave_up",
            ok=books.gave_up <= limits.gave_up * max(1, books.acknowledged),
            vi="Không ai phải bỏ cuộc sau 45 giây bấm lại",
            en="Nobody gave up after 45 s of trying again",
            seen=f"{books.gave_up:,}",
            allowed=f"{limits.gave_up:.1%}",
        ),
    ]

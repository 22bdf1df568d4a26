"""Whether what the voters were told is what the system has."""

from loadtests.rehearsal.books import Books
from loadtests.rehearsal.check import Check
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.receipts import IN_LEDGER


def of_books(books: Books, limits: Limits) -> list[Check]:
    off = {
        entry: counted
        for entry, (known, unknown, counted) in books.by_entry.items()
        if counted is not None and not known <= counted <= known + unknown
    }
    counted = books.counted
    number = "—" if counted is None else f"{counted:,}"
    told = f"báo nhận · acknowledged {books.acknowledged:,}"
    told += f" + tìm thấy · found {books.found:,}" if books.found else ""
    told += f" → đếm được · counted {number}"
    told += f" (± {books.unknown:,})" if books.unknown else ""
    agree = books.box is not None and books.box == books.ledger
    agree = agree and [books.pending, books.parked, books.conflicts, books.drift] == [0, 0, 0, 0]
    sample, wanted = sum(books.receipts.values()), min(limits.least_sample, books.acknowledged)
    return [
        Check(
            "acknowledged_is_counted",
            ok=counted is not None and not off and books.acknowledged > 0,
            vi="Mọi phiếu đã báo nhận đều được đếm, không thừa, không thiếu, ở từng bài",
            en="Every acknowledged vote is counted, none more and none less, for each entry",
            seen=told + "".join(f"; #{entry}: {_known(books, entry)} → {number:,}" for entry, number in off.items()),
            allowed="=",
        ),
        Check(
            "box_is_ledger",
            ok=None if books.proof is None else agree and books.proof == "",
            vi="Hòm phiếu khớp sổ phiếu, kể cả khi đếm lại từng dòng",
            en="Box and ledger agree, counted by rows and ballots too",
            seen=f"hòm · box {_told(books.box)}, sổ · ledger {_told(books.ledger)}, pending {_told(books.pending)},"
            f" parked {_told(books.parked)}, conflicts {_told(books.conflicts)}, drift {_told(books.drift)}"
            + (f"; {books.proof}" if books.proof else ""),
            allowed="=, 0, 0, 0, 0",
        ),
        Check(
            "nobody_twice",
            ok=books.twice == 0 and books.changed_receipts == 0,
            vi="Không ai được đếm hai lần; bấm lại nhận đúng mã phiếu cũ",
            en="Nobody is counted twice; a repeat gets the same receipt",
            seen=f"đếm hai lần · twice: {books.twice:,}; mã khác · other receipt: {books.changed_receipts:,}",
            allowed="0, 0",
        ),
        Check(
            "receipts_are_own",
            ok=books.shared_receipts == 0 and books.mixed == 0,
            vi="Không hai phiếu nào chung một mã phiếu; không ai nhận câu trả lời của bài khác",
            en="No two votes were given one receipt; nobody was answered for another entry",
            seen=f"chung mã · shared: {books.shared_receipts:,}; bài khác · another entry: {books.mixed:,}",
            allowed="0, 0",
        ),
        Check(
            "receipts_in_ledger",
            ok=sample >= wanted and books.receipts == ({IN_LEDGER: sample} if sample else {}),
            vi="Mã phiếu lấy mẫu đều tra được trong sổ phiếu, đúng bài đã chọn",
            en="Sampled receipts are all in the ledger, for the entries that were voted for",
            seen=", ".join(f"{status} {times:,}" for status, times in sorted(books.receipts.items())) or "0",
            allowed=f"in_ledger ≥ {wanted:,}",
        ),
        Check(
            "nobody_refused_for_good",
            ok=not books.refused and books.earlier == 0,
            vi="Không cử tri hợp lệ nào bị từ chối; không mã đăng nhập nào đã dùng từ trước",
            en="No genuine voter was refused; no token had voted before",
            seen=f"từ chối · refused: {', '.join(f'{why} {n:,}' for why, n in books.refused.items()) or 0};"
            f" đã dùng · had voted: {books.earlier:,}",
            allowed="0, 0",
        ),
        Check(
            "nobody_gave_up",
            ok=books.gave_up <= limits.gave_up * max(1, books.acknowledged),
            vi="Không ai phải bỏ cuộc sau 45 giây bấm lại hoặc ra về mà không được trả lời",
            en="Nobody gave up after 45 s of trying again, or was left without an answer",
            seen=f"{books.gave_up:,}",
            allowed=f"{limits.gave_up:.1%}",
        ),
    ]


def _known(books: Books, entry: int) -> str:
    known, unknown, _ = books.by_entry[entry]
    return f"{known:,}" + (f" (± {unknown:,})" if unknown else "")


def _told(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"

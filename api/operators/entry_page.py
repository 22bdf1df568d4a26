"""The page of one entry: its form, where it stands, and both texts where two have edited at once.

Nothing that was typed is lost: whatever is against saving, the form comes back with it and says why. When somebody else
has saved meanwhile, what both changed stands side by side, and the second editor decides whether theirs takes over;
what only the other one changed is in the form already.
"""

from typing import Any

from fastapi import Response

from api.operators.access import Acting
from api.operators.conflict import Conflict, conflict_over, marks_of
from api.operators.console import Console
from api.operators.effect import effect_of
from api.operators.entries import STATES
from api.operators.fault_words import sentences
from api.operators.language import N_
from models.category import categories_of
from models.contest import Contest
from models.database import Connection
from models.entry import Entry, EntryRefusedError
from models.entry_fields import Fault
from models.tally import contest_tallies

LABELS = {
    "title": N_("Tên bài dự thi"),
    "slug": N_("Địa chỉ trang"),
    "category": N_("Lĩnh vực"),
    "author": N_("Tác giả"),
    "unit": N_("Đơn vị"),
    "summary": N_("Tóm tắt"),
    "text": N_("Nội dung"),
    "video": N_("Liên kết video"),
    "title_en": N_("Tên bài dự thi (tiếng Anh)"),
    "summary_en": N_("Tóm tắt (tiếng Anh)"),
    "text_en": N_("Nội dung (tiếng Anh)"),
}
DONE = {
    "created": N_("Đã lưu bản nháp. Người bình chọn chưa thấy bài này cho đến khi bạn công bố."),
    "saved": N_("Đã lưu."),
    "published": N_("Đã công bố bài dự thi."),
    "withdrawn": N_("Đã rút bài dự thi. Các phiếu của bài được giữ nguyên."),
}


def seen_version(acting: Acting) -> int:
    """The version that the form was made of; 0, which no entry has, for anything else."""
    return acting.number("version") or 0


def refused(error: EntryRefusedError, acting: Acting) -> dict[str, str]:
    return sentences([Fault(error.field, error.code, {})], LABELS, acting)


def conflict_with(connection: Connection, acting: Acting, entry: Entry, typed: dict[str, str]) -> Conflict:
    """`typed`: what the second editor has in the form."""
    theirs = {name: entry.fields[name] for name in LABELS}
    return conflict_over(connection, f"entry:{entry.id}", typed, theirs, acting.text("marks"))


def entry_page(
    console: Console,
    connection: Connection,
    acting: Acting,
    contest: Contest,
    entry: Entry | None,
    typed: dict[str, str],
    *,
    faults: dict[str, str] | None = None,
    conflict: Conflict | None = None,
    done: str = "",
) -> Response:
    """The form with what was typed; 422 where it could not be saved."""
    categories = categories_of(connection, contest.id)
    values: dict[str, Any] = {
        "contest": contest,
        "entry": entry,
        "typed": conflict.form if conflict else typed,
        "version": entry.version if entry else 0,
        "marks": marks_of(entry.fields) if entry else "",
        "faults": faults or {},
        "conflict": conflict,
        "categories": categories,
        "options": [(category.slug, category.title) for category in categories],
        "votes": contest_tallies(connection, contest.id).get(entry.id, 0) if entry else 0,
        "labels": LABELS,
        "states": STATES,
        "done": DONE.get(done, ""),
        "effect": effect_of(console, contest) if entry and entry.state != "draft" else "",
    }
    return console.page(acting, "entry_form.html", 422 if faults or conflict else 200, **values)

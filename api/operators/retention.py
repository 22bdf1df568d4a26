"""How long personal data is kept: the rules of a contest, when they fall due, the dry run, what was erased when."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, values_of
from api.operators.conflict import marks_of, resolved
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.language import N_
from api.voters.responses import see_other
from models import audit
from models.contest import Contest, all_contests
from models.retention import LONGEST_DAYS, Rules, dues, read_erasures, read_rules, write_rules
from models.task import tasks_of

PATH = "/operator/retention"
DAYS = {"evidence_days": 1, "personal_days": 1, "contact_days": 0}
"""Fields and the fewest days that each may have."""
LONGEST_REASON = 500
WHAT = {
    "evidence": N_("Dấu vết mạng và thiết bị của phiếu"),
    "criteria": N_("Dải mạng và dấu thiết bị ghi trong các đề nghị loại phiếu"),
    "openings": N_("Địa chỉ đã che, tên miền, mảnh tên của lần đăng nhập"),
    "contacts": N_("Cách liên hệ trong báo mất phiếu"),
    "claims": N_("Nội dung báo mất phiếu và câu trả lời"),
    "clusters": N_("Tài khoản trong các cụm"),
    "requests": N_("Địa chỉ đã che trong yêu cầu về dữ liệu"),
    "parked": N_("Dữ liệu thô của sự kiện tạm giữ đã giải quyết"),
    "uploads": N_("Tệp do người điều hành tải lên"),
    "log": N_("Sự kiện cũ trong sổ nhận của hòm phiếu"),
}
_TOLD = N_("Người khác vừa đổi thời hạn. Chưa có gì thay đổi; hãy xem các số hiện có rồi lưu lại.")


def retention_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def retention(acting: Annotated[Acting, ADMIN], contest: str = "") -> Response:
        return _page(console, acting, _contest(console, contest))

    @router.post(PATH)
    def save(acting: Annotated[Acting, ADMIN]) -> Response:
        contest = _typed_contest(console, acting)
        rules, faults = _examined(acting)
        if faults:
            return _page(console, acting, contest, values_of(acting.form), faults, status=422)
        if not _save(console, acting, contest, rules):
            with console.ledger() as connection:
                theirs = _shown(read_rules(connection, contest.id))
            mine = {name: acting.text(name) for name in theirs}
            faults = {"": acting.say(_TOLD)}
            return _page(
                console, acting, contest, resolved(mine, theirs, acting.text("marks")).form, faults, status=409
            )
        return see_other(f"{PATH}?contest={contest.id}")

    @router.post(PATH + "/count")
    def count(acting: Annotated[Acting, ADMIN]) -> Response:
        """The dry run."""
        contest = _typed_contest(console, acting)
        console.ask(acting, "erasing.count", {"contest": contest.id}, contest.id)
        return see_other(f"{PATH}?contest={contest.id}")

    @router.post(PATH + "/erase")
    def erase(acting: Annotated[Acting, ADMIN]) -> Response:
        """What the night would do, now."""
        contest = _typed_contest(console, acting)
        if acting.text("sure") != "yes":
            faults = {"sure": acting.say(N_("Hãy đánh dấu xác nhận: dữ liệu đã xoá không lấy lại được."))}
            return _page(console, acting, contest, {}, faults, status=422)
        with console.ledger() as connection:
            audit.record(connection, acting.actor, "retention.ask", f"contest:{contest.id}", contest_id=contest.id)
        console.ask(acting, "erasing", {"contest": contest.id}, contest.id)
        return see_other(f"{PATH}?contest={contest.id}")

    return router


def _contest(console: Console, wanted: str) -> Contest:
    """Errors: ConsoleProblem (404), LedgerAway."""
    with console.ledger() as connection:
        return chosen_contest(console, connection, wanted)


def _typed_contest(console: Console, acting: Acting) -> Contest:
    return _contest(console, acting.text("contest", limit=20) or "0")  # every form names its contest


def _examined(acting: Acting) -> tuple[Rules, dict[str, str]]:
    """The rules that were typed, and what is wrong with them."""
    days, faults = dict.fromkeys(DAYS, 0), {}
    for name, least in DAYS.items():
        typed = acting.number(name)
        if typed is not None and least <= typed <= LONGEST_DAYS:
            days[name] = typed
        else:
            sentence = N_("Hãy nhập số ngày từ %(least)s đến %(most)s.")
            faults[name] = acting.say(sentence, least=least, most=LONGEST_DAYS)
    if not faults and days["evidence_days"] > days["personal_days"]:
        faults["evidence_days"] = acting.say(N_("Dấu vết mạng không được giữ lâu hơn dữ liệu cá nhân khác."))
    reason = acting.text("early_reason")
    if len(reason) > LONGEST_REASON:
        faults["early_reason"] = acting.say(N_("Lý do dài quá %(most)s ký tự."), most=LONGEST_REASON)
    return Rules(**days, early_reason=reason, version=acting.number("version") or 0), faults


def _shown(rules: Rules) -> dict[str, str]:
    """The form of the rules to which nobody has done anything yet."""
    return {name: str(getattr(rules, name)) for name in (*DAYS, "early_reason")}


def _save(console: Console, acting: Acting, contest: Contest, rules: Rules) -> bool:
    """Returns False if another was first."""
    with console.ledger() as connection:
        stood = read_rules(connection, contest.id)
        if stood.version != rules.version or not write_rules(connection, contest.id, rules):
            return False
        before, after = audit.difference(asdict(stood), asdict(rules))
        subject = f"contest:{contest.id}"
        audit.record(
            connection,
            acting.actor,
            "retention.set",
            subject,
            contest_id=contest.id,
            before=before,
            after=after,
            why=rules.early_reason,
        )
    return True


def _page(
    console: Console,
    acting: Acting,
    contest: Contest,
    typed: Mapping[str, Any] | None = None,
    faults: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    with console.ledger() as connection:
        rules = read_rules(connection, contest.id)
        counted = tasks_of(connection, "erasing.count", contest.id, limit=1)
        erased = tasks_of(connection, "erasing", contest.id, limit=1)
        history = read_erasures(connection, contest.id)
        others = [one for one in all_contests(connection) if not one.draft and one.id != contest.id]
    now = {"version": str(rules.version), "marks": marks_of(_shown(rules))}
    shown = now | _shown(rules) | (dict(typed) if typed else {})
    return console.page(
        acting,
        "retention.html",
        status=status,
        contest=contest,
        others=others,
        rules=rules,
        shown=shown,
        due=dues(contest, rules),
        now=datetime.now(UTC),
        counted=counted[0] if counted else None,
        erased=erased[0] if erased else None,
        history=[(one, WHAT.get(one.what, one.what)) for one in history],
        what=WHAT,
        faults=faults or {},
    )

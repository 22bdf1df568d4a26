"""The form that proposes a correction: what was typed becomes criteria and reasons, or sentences on what to mend."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from pydantic import ValidationError

from api.numbers import whole
from api.operators.access import Acting, values_of
from api.operators.language import N_
from models.cluster import find_cluster
from models.contest import Contest
from models.correction import REASON_LENGTH, Proposal
from models.correction_criteria import MOST_LISTED, Criteria
from models.database import Connection
from models.event import MAX_ACCOUNT, Proof
from models.receipt import Receipts
from models.times import VIETNAM

NOTE_LENGTH = 2_000
PROOFS = {
    Proof.EMAIL: N_("Mã gửi qua email"),
    Proof.SMS: N_("Mã gửi qua tin nhắn"),
    Proof.OIDC: N_("Tài khoản của nhà cung cấp khác (OpenID)"),
}
_ACCOUNTS = N_("Mỗi dòng là một số tài khoản, như bàn điều hành ghi: %(line)s không phải.")
_RECEIPTS = N_("Mỗi dòng là một mã phiếu của cuộc thi này: %(line)s không phải.")
_TOO_MANY = N_("Nhiều nhất %(most)s dòng một lần.")
_NUMBER = N_("Hãy ghi số của cụm.")
_CLUSTER = N_("Không có cụm số %(number)s, hoặc danh sách tài khoản của cụm đã được xoá.")
_MOMENT = N_("Hãy ghi ngày và giờ, ví dụ 2026-11-20 08:30.")
_ORDER = N_("Lúc kết thúc phải sau lúc bắt đầu.")
_DEVICE = N_("Dấu thiết bị gồm 16 chữ số 0–9 và chữ a–f.")
_NETWORK = N_("Hãy ghi một dải mạng, ví dụ 203.0.113.0/24 hoặc 2001:db8::/48.")
_ALONE = N_(
    "Không loại phiếu chỉ vì địa chỉ mạng: trường học, cơ quan và nhà mạng dùng chung một địa chỉ. Hãy thêm"
    " cụm, tài khoản, mã phiếu, dấu thiết bị hoặc khoảng thời gian."
)
_NOTHING = N_("Hãy chọn ít nhất một tiêu chí. Không có tiêu chí nào thì mọi phiếu đều khớp.")
_REASON = N_("Hãy ghi lý do công khai: mọi người đọc được, cả người có phiếu bị loại.")
_LONG = N_("Nhiều nhất %(most)s ký tự.")
_PERSONAL = N_("Lý do công khai không được có địa chỉ email, số điện thoại, số tài khoản hay mã phiếu của ai.")
_LIKE_PERSONAL = re.compile(r"\S@\S|(?:\d[ .-]?){8,}|(?:[0-9A-Z]{4}-){3,}", re.IGNORECASE)
ACTIONS = {"void": N_("Loại phiếu"), "restore": N_("Khôi phục phiếu")}


@dataclass
class Form:
    """What was typed, what is wrong with it (field → sentence), and what it says where nothing is wrong."""

    typed: dict[str, str]
    entries: list[str] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    proposal: Proposal | None = None


def read_form(acting: Acting, connection: Connection, contest: Contest, receipts: Receipts) -> Form:
    """A proposal from the form, with everything that was typed."""
    form = Form(values_of(acting.form), acting.texts("entries"), acting.texts("proofs"))
    faults = form.faults
    values: dict[str, Any] = {
        "cluster": _cluster(acting, connection, contest, faults),
        "accounts": _lines(acting, "accounts", _ACCOUNTS, _account, faults),
        "receipts": _lines(acting, "receipts", _RECEIPTS, receipts.parse, faults),
        "entries": [entry for text in form.entries if (entry := whole(text)) is not None],
        "proofs": [proof for proof in PROOFS if str(int(proof)) in form.proofs],
        "cast_from": _moment(acting, "cast_from", faults),
        "cast_until": _moment(acting, "cast_until", faults),
        "device": acting.text("device") or None,
        "network": acting.text("network") or None,
        "recovered": acting.text("recovered") == "1",
        "minted": acting.text("minted") == "1",
    }
    reasons = read_reasons(acting, faults)
    criteria = _criteria(acting, values, faults)
    if criteria is not None and not faults:
        action = acting.text("action")
        form.proposal = Proposal(action if action in ACTIONS else "void", criteria.stored(), *reasons)
    return form


def read_reasons(acting: Acting, faults: dict[str, str]) -> tuple[str, str, str]:
    """Public reason in Vietnamese and English, internal note."""
    reason, reason_en = (" ".join(acting.text(name).split()) for name in ("reason", "reason_en"))
    note = acting.text("note")
    if not reason:
        faults["reason"] = acting.say(_REASON)
    for name, text in (("reason", reason), ("reason_en", reason_en)):
        if len(text) > REASON_LENGTH:
            faults[name] = acting.say(_LONG, most=REASON_LENGTH)
        elif _LIKE_PERSONAL.search(text):
            faults[name] = acting.say(_PERSONAL)
    if len(note) > NOTE_LENGTH:
        faults["note"] = acting.say(_LONG, most=NOTE_LENGTH)
    return reason, reason_en, note


def _criteria(acting: Acting, values: dict[str, Any], faults: dict[str, str]) -> Criteria | None:
    for name, sentence, known in (("device", _DEVICE, _is_device), ("network", _NETWORK, _is_network)):
        if values[name] is not None and not known(values[name]):
            faults[name] = acting.say(sentence)
    if values["cast_from"] and values["cast_until"] and values["cast_from"] >= values["cast_until"]:
        faults["cast_until"] = acting.say(_ORDER)
    if faults.keys() - {"reason", "reason_en", "note"}:
        return None
    try:
        criteria = Criteria.model_validate(values)
    except ValidationError as error:
        faults[str(error.errors()[0]["loc"][0])] = acting.say(_NETWORK)
        return None
    if not criteria.given:
        faults["cluster"] = acting.say(_NOTHING)
    elif criteria.network_alone:
        faults["network"] = acting.say(_ALONE)
    return criteria


def _is_device(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{16}", text) is not None


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _cluster(acting: Acting, connection: Connection, contest: Contest, faults: dict[str, str]) -> int | None:
    typed = acting.text("cluster")
    if not typed:
        return None
    number = whole(typed)
    if number is None:
        faults["cluster"] = acting.say(_NUMBER)
        return None
    found = find_cluster(connection, number)
    if found is None or found.contest_id != contest.id or found.traces is None:
        faults["cluster"] = acting.say(_CLUSTER, number=typed)
    return number


def _lines(acting: Acting, name: str, sentence: str, read: Any, faults: dict[str, str]) -> list[int]:
    lines = [line.strip() for line in acting.text(name).replace(",", "\n").split("\n") if line.strip()]
    if len(lines) > MOST_LISTED:
        faults[name] = acting.say(_TOO_MANY, most=MOST_LISTED)
        return []
    numbers = []
    for line in lines:
        number = read(line)
        if number is None:
            faults[name] = acting.say(sentence, line=line[:40])
            return []
        numbers.append(number)
    return numbers


def _account(text: str) -> int | None:
    return whole(text, MAX_ACCOUNT)


def _moment(acting: Acting, name: str, faults: dict[str, str]) -> datetime | None:
    """A day and time of the province, as a browser's field or a person writes it."""
    typed = acting.text(name)
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        faults[name] = acting.say(_MOMENT)
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
    if not 2000 < moment.year < 9999:
        faults[name] = acting.say(_MOMENT)
        return None
    return moment


def of_cluster(connection: Connection, contest: Contest, typed: str) -> Form:
    """An empty form, or one for the votes that the cluster's accounts have for its entry."""
    form = Form({})
    number = whole(typed)
    if number is not None:
        cluster = find_cluster(connection, number)
        if cluster is not None and cluster.contest_id == contest.id:
            form.typed["cluster"] = str(cluster.id)
            form.entries = [str(cluster.entry_id)]
            if cluster.last_at is not None:
                until = cluster.last_at + timedelta(seconds=1)
                form.typed["cast_until"] = until.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M:%S")
    return form

"""The two lists of the signals: throw-away domains (login refuses them from the next request on), honest networks."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting, values_of
from api.operators.console import Console
from api.operators.language import N_
from api.operators.signals import PATH
from api.voters.responses import see_other
from models import signal_lists
from models.audit import record
from models.disposable import SHIPPED
from models.network import parse_network
from models.scratch.connection import ScratchAway
from models.scratch.domain_list import publish_domains
from models.signal_lists import MOST_DOMAINS, MOST_NETWORKS, InvalidItemError, parse_domains

log = structlog.get_logger()

LONGEST_NOTE = 200
_NO_DOMAIN = N_("Hãy nhập ít nhất một tên miền, ví dụ thu-tam.example.")
_WRONG_DOMAIN = N_("“%(typed)s” không phải tên miền. Ví dụ: thu-tam.example")
_WRONG_NETWORK = N_("“%(typed)s” không phải mạng. Ví dụ: 203.0.113.0/24; rộng nhất là /8 (IPv4) hoặc /16 (IPv6).")
_NO_NOTE = N_("Hãy ghi mạng này của ai, ví dụ: Trường THPT Lương Ngọc Quyến.")
_LONG_NOTE = N_("Ghi chú dài quá %(most)s ký tự.")
_FULL = N_("Danh sách đã đầy: nhiều nhất %(most)s dòng.")
_LATE = N_("Đã ghi, nhưng bộ nhớ tạm không trả lời: trang đăng nhập sẽ theo danh sách mới sau lần tìm dấu hiệu tới.")


def signal_lists_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/domains")
    def domains(acting: Annotated[Acting, MODERATOR], late: str = "") -> Response:
        return _domains(console, acting, notice=acting.say(_LATE) if late else "")

    @router.post(PATH + "/domains")
    def change_domains(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _change_domains(console, acting)

    @router.get(PATH + "/networks")
    def networks(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _networks(console, acting)

    @router.post(PATH + "/networks")
    def change_networks(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _change_networks(console, acting)

    return router


def _change_domains(console: Console, acting: Acting) -> Response:
    removed = acting.text("remove", limit=300)
    faults = {} if removed else _domain_faults(console, acting)
    if faults:
        return _domains(console, acting, status=422, faults=faults, typed=values_of(acting.form))
    with console.ledger() as connection:
        if removed:
            changed = signal_lists.remove_domain(connection, removed)
        else:
            names, note = parse_domains(acting.text("domains")), acting.text("note")
            changed = bool(signal_lists.add_domains(connection, names, note, acting.actor.name))
        if changed:
            after = {"removed": removed} if removed else {"added": names}
            action = "domain.remove" if removed else "domain.add"
            record(connection, acting.actor, action, "disposable_domains", after=after, why=acting.text("note"))
    return see_other(PATH + ("/domains" if _publish(console) else "/domains?late=1"))


def _change_networks(console: Console, acting: Acting) -> Response:
    removed = acting.text("remove", limit=100)
    faults = {} if removed else _network_faults(console, acting)
    if faults:
        return _networks(console, acting, status=422, faults=faults, typed=values_of(acting.form))
    with console.ledger() as connection:
        if removed:
            changed, name = signal_lists.remove_network(connection, removed), removed
        else:
            name = parse_network(acting.text("network"))
            changed = signal_lists.add_network(connection, name, acting.text("note"), acting.actor.name)
        if changed:
            action = "network.remove" if removed else "network.add"
            record(connection, acting.actor, action, f"network:{name}", why=acting.text("note"))
    return see_other(PATH + "/networks")


def _domain_faults(console: Console, acting: Acting) -> dict[str, str]:
    faults = _note_faults(acting)
    try:
        names = parse_domains(acting.text("domains"))
        with console.ledger() as connection:
            kept = len(signal_lists.domains(connection))
        if not names:
            faults["domains"] = acting.say(_NO_DOMAIN)
        elif kept + len(names) > MOST_DOMAINS:
            faults["domains"] = acting.say(_FULL, most=MOST_DOMAINS)
    except InvalidItemError as error:
        faults["domains"] = acting.say(_WRONG_DOMAIN, typed=str(error))
    return faults


def _network_faults(console: Console, acting: Acting) -> dict[str, str]:
    faults = _note_faults(acting)
    try:
        parse_network(acting.text("network"))
        with console.ledger() as connection:
            if len(signal_lists.networks(connection)) >= MOST_NETWORKS:
                faults["network"] = acting.say(_FULL, most=MOST_NETWORKS)
    except ValueError as error:
        faults["network"] = acting.say(_WRONG_NETWORK, typed=str(error))
    if not acting.text("note"):
        faults["note"] = acting.say(_NO_NOTE)
    return faults


def _note_faults(acting: Acting) -> dict[str, str]:
    long = len(acting.text("note")) > LONGEST_NOTE
    return {"note": acting.say(_LONG_NOTE, most=LONGEST_NOTE)} if long else {}


def _publish(console: Console) -> bool:
    """Tells the login. False where scratch is away."""
    with console.ledger() as connection:
        names = [item.name for item in signal_lists.domains(connection)]
    try:
        publish_domains(console.scratch, names)
    except ScratchAway as error:
        log.warning("the login does not know the list yet", problem=str(error))
        return False
    return True


def _domains(
    console: Console,
    acting: Acting,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    notice: str = "",
) -> Response:
    with console.ledger() as connection:
        items = signal_lists.domains(connection)
    return console.page(
        acting,
        "signal_domains.html",
        status,
        items=items,
        shipped=SHIPPED,
        own=sorted(part.strip() for part in console.settings.disposable_domains.split(",") if part.strip()),
        faults=faults or {},
        typed=typed or {},
        told=notice,
    )


def _networks(
    console: Console,
    acting: Acting,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    with console.ledger() as connection:
        items = signal_lists.networks(connection)
    return console.page(acting, "signal_networks.html", status, items=items, faults=faults or {}, typed=typed or {})

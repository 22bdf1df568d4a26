"""The live view: its page, its stream, and the wall screen."""

import asyncio
import time
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import VIEWER, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.language import N_
from api.operators.live_alarms import alarms
from api.operators.live_stream import EventStream, events
from api.operators.switch_words import VOTING_STATES
from models.operator import Role
from models.scratch.operator_sessions import find

MOST_STREAMS = 500
"""Of one process."""
MOST_OF_ONE = 200
"""Of these, of one operator: an observer who opens more than anybody can look at keeps nobody else away."""
METHODS = {
    "email": N_("Email"),
    "sms": N_("Tin nhắn SMS"),
    "oidc": N_("Tài khoản Google hoặc tương tự"),
    "minted": N_("Phiên tạo sẵn (diễn tập)"),
    "other": N_("Cách khác"),
}
"""Login methods in words."""
STATES = {state or "not_ready": words for state, words in VOTING_STATES.items()}
OUTCOMES = {
    "counted": N_("Phiếu mới được nhận"),
    "already_voted": N_("Đã bình chọn từ trước"),
    "no_session": N_("Chưa đăng nhập"),
    "not_open_yet": N_("Chưa đến giờ mở"),
    "closed": N_("Đã hết giờ"),
    "paused": N_("Đang tạm dừng"),
    "unknown_entry": N_("Không có bài này"),
    "blocked": N_("Tài khoản bị khoá"),
    "busy": N_("Quá đông, mời thử lại"),
    "not_ready": N_("Hòm chưa sẵn sàng"),
    "not_confirmed": N_("Chưa rõ, mời thử lại"),
    "cross_site": N_("Từ trang khác"),
    "other_account": N_("Của tài khoản khác"),
    "too_large": N_("Yêu cầu quá lớn"),
    "wrong_method": N_("Yêu cầu sai cách"),
}
"""Answers to votes in words."""
WAIT_S = 5.0


def live_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    streams: Counter[int] = Counter()  # of each operator

    @router.get("/operator/")
    def live(acting: Annotated[Acting, VIEWER]) -> Response:
        """The page, with the figures of this moment; its script goes on from there."""
        return console.page(acting, "live.html", **_shown(console, acting))

    @router.get("/operator/screen")
    def screen(acting: Annotated[Acting, VIEWER]) -> Response:
        """The same figures, large, for a wall."""
        return console.page(acting, "screen.html", **_shown(console, acting))

    @router.get("/operator/live")
    async def stream(acting: Annotated[Acting, VIEWER], screen: str = "") -> Response:
        """Server-sent events. An open page keeps no session alive, but the wall screen of a viewer does."""
        own = acting.operator.operator_id
        if streams.total() >= MOST_STREAMS or streams[own] >= MOST_OF_ONE:
            raise ConsoleProblem(503, N_("Có quá nhiều trang theo dõi đang mở trên máy chủ này."))
        keep_alive = bool(screen) and acting.operator.role is Role.VIEWER
        token = acting.request.cookies.get(console.cookie, "")

        async def in_force() -> bool:
            session = await find(console.async_scratch, token, time.time(), keep_alive=keep_alive)
            return session is not None and session.full

        async def counted() -> Any:
            streams[own] += 1
            try:
                async for chunk in events(console.live, acting.language, in_force):
                    yield chunk
            finally:
                streams[own] -= 1

        return EventStream(counted())

    return router


def _shown(console: Console, acting: Acting) -> dict[str, Any]:
    """What both pages show: `figures`, alarms in words, entries and categories by their ids."""
    reader = console.live
    assert reader.loop is not None, "the application has started"  # noqa: S101 - routes run after it
    figures = asyncio.run_coroutine_threadsafe(reader.current(), reader.loop).result(WAIT_S)
    reading = console.watch.current.reading
    site = reading.site if reading else {"contest": None, "entries": [], "categories": []}
    return {
        "figures": figures,
        "alarms": [alarm.told(acting.language) for alarm in alarms(figures)],
        "contest": site["contest"],
        "entries": {entry["id"]: entry for entry in site["entries"]},
        "categories": {category["slug"]: category for category in site["categories"]},
        "methods": METHODS,
        "states": STATES,
        "outcomes": OUTCOMES,
    }

"""The console's sections, as its navigation shows them to a role."""

from typing import NamedTuple

from api.operators.language import N_
from models.operator import Role
from models.scratch.operator_sessions import OperatorSession


class Section(NamedTuple):
    path: str
    title: str
    """Marked for the catalogue."""
    needed: Role
    more: tuple[str, ...] = ()
    """Paths of its pages that are not below `path`."""

    def has(self, path: str) -> bool:
        """Whether the page at `path` belongs to it."""
        if path == self.path:
            return True
        roots = self.more if self.path == HOME else (self.path, *self.more)  # below the home page are all pages
        return any(path == root or path.startswith(f"{root}/") for root in roots)


class Shown(NamedTuple):
    """A section in the navigation. `current`: the value of `aria-current`; empty where the page is of another."""

    path: str
    title: str
    current: str


HOME = "/operator/"
SECTIONS = (
    Section(HOME, N_("Theo dõi"), Role.VIEWER, ("/operator/help", "/operator/jobs")),
    Section("/operator/contests", N_("Cuộc thi"), Role.ADMIN),
    Section("/operator/entries", N_("Bài dự thi"), Role.MODERATOR, ("/operator/imports", "/operator/categories")),
    Section("/operator/switches", N_("Công tắc"), Role.MODERATOR),
    Section("/operator/signals", N_("Dấu hiệu bất thường"), Role.MODERATOR),
    Section("/operator/corrections", N_("Loại phiếu"), Role.MODERATOR, ("/operator/accounts",)),
    Section("/operator/claims", N_("Báo mất phiếu"), Role.MODERATOR),
    Section("/operator/results", N_("Kết quả"), Role.VIEWER),
    Section("/operator/exports", N_("Xuất dữ liệu"), Role.MODERATOR),
    Section("/operator/requests", N_("Yêu cầu về dữ liệu cá nhân"), Role.ADMIN, ("/operator/holidays",)),
    Section("/operator/retention", N_("Thời hạn lưu giữ"), Role.ADMIN),
    Section("/operator/operators", N_("Người điều hành"), Role.ADMIN),
    Section("/operator/audit", N_("Nhật ký"), Role.VIEWER),
)


def sections_for(session: OperatorSession | None, path: str) -> list[Shown]:
    """Those that the operator may open, as the page at `path` shows them."""
    if session is None or not session.full:
        return []
    return [
        Shown(section.path, section.title, "page" if path == section.path else "true" if section.has(path) else "")
        for section in SECTIONS
        if session.role.may(section.needed)
    ]

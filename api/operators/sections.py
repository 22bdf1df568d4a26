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


SECTIONS = (
    Section("/operator/", N_("Theo dõi"), Role.VIEWER),
    Section("/operator/contests", N_("Cuộc thi"), Role.ADMIN),
    Section("/operator/entries", N_("Bài dự thi"), Role.MODERATOR),
    Section("/operator/switches", N_("Công tắc"), Role.MODERATOR),
    Section("/operator/signals", N_("Dấu hiệu bất thường"), Role.MODERATOR),
    Section("/operator/corrections", N_("Loại phiếu"), Role.MODERATOR),
    Section("/operator/claims", N_("Báo mất phiếu"), Role.MODERATOR),
    Section("/operator/results", N_("Kết quả"), Role.VIEWER),
    Section("/operator/exports", N_("Xuất dữ liệu"), Role.MODERATOR),
    Section("/operator/requests", N_("Yêu cầu về dữ liệu cá nhân"), Role.ADMIN),
    Section("/operator/retention", N_("Thời hạn lưu giữ"), Role.ADMIN),
    Section("/operator/operators", N_("Người điều hành"), Role.ADMIN),
    Section("/operator/audit", N_("Nhật ký"), Role.VIEWER),
)


def sections_for(session: OperatorSession | None) -> list[Section]:
    if session is None or not session.full:
        return []
    return [section for section in SECTIONS if session.role.may(section.needed)]

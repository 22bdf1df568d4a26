"""All routes of the console."""

from fastapi import APIRouter

from api.operators.account import account_router
from api.operators.audit import audit_router
from api.operators.console import Console
from api.operators.login import login_router
from api.operators.new_password import new_password_router
from api.operators.preferences import preferences_router
from api.operators.second_factor import second_factor_router


def console_routers(console: Console) -> list[APIRouter]:
    return [
        preferences_router(console),
        login_router(console),
        second_factor_router(console),
        new_password_router(console),
        account_router(console),
        audit_router(console),
    ]

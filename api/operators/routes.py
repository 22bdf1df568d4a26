"""All routes of the console."""

from fastapi import APIRouter

from api.operators.console import Console
from api.operators.preferences import preferences_router


def console_routers(console: Console) -> list[APIRouter]:
    return [preferences_router(console)]

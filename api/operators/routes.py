"""All routes of the console."""

from fastapi import APIRouter

from api.operators.account import account_router
from api.operators.accounts import accounts_router
from api.operators.audit import audit_router
from api.operators.categories import categories_router
from api.operators.claim import claim_router
from api.operators.claims import claims_router
from api.operators.clusters import clusters_router
from api.operators.console import Console
from api.operators.contest_form import contest_form_router
from api.operators.contest_window import contest_window_router
from api.operators.contests import contests_router
from api.operators.correction import correction_router
from api.operators.corrections import corrections_router
from api.operators.draft_deletion import draft_deletion_router
from api.operators.entries import entries_router
from api.operators.entry_files import entry_files_router
from api.operators.entry_form import entry_form_router
from api.operators.entry_state import entry_state_router
from api.operators.exports import exports_router
from api.operators.failed_jobs import failed_jobs_router
from api.operators.holidays import holidays_router
from api.operators.imports import imports_router
from api.operators.live import live_router
from api.operators.live_help import live_help_router
from api.operators.login import login_router
from api.operators.new_password import new_password_router
from api.operators.openid import openid_router
from api.operators.operator_help import operator_help_router
from api.operators.operators import operators_router
from api.operators.preferences import preferences_router
from api.operators.preview import preview_router
from api.operators.request import request_router
from api.operators.requests import requests_router
from api.operators.results import results_router
from api.operators.retention import retention_router
from api.operators.second_factor import second_factor_router
from api.operators.session import session_router
from api.operators.signal_limits import signal_limits_router
from api.operators.signal_lists import signal_lists_router
from api.operators.signals import signals_router
from api.operators.switches import switches_router


def console_routers(console: Console) -> list[APIRouter]:
    return [
        preferences_router(console),
        live_router(console),
        live_help_router(console),
        failed_jobs_router(console),
        login_router(console),
        session_router(console),
        second_factor_router(console),
        new_password_router(console),
        account_router(console),
        audit_router(console),
        openid_router(console),
        operators_router(console),
        operator_help_router(console),
        claims_router(console),
        claim_router(console),
        requests_router(console),
        request_router(console),
        holidays_router(console),
        retention_router(console),
        entry_files_router(console),
        imports_router(console),
        entries_router(console),
        draft_deletion_router(console),
        entry_form_router(console),
        entry_state_router(console),
        categories_router(console),
        preview_router(console),
        results_router(console),
        exports_router(console),
        corrections_router(console),
        correction_router(console),
        accounts_router(console),
        contests_router(console),
        contest_form_router(console),
        contest_window_router(console),
        signals_router(console),
        clusters_router(console),
        signal_limits_router(console),
        signal_lists_router(console),
        switches_router(console),
    ]

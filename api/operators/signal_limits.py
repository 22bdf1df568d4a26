"""The limits of the signals, edited live: the next search goes by them."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting, values_of
from api.operators.console import Console
from api.operators.language import N_
from api.operators.signal_words import LIMITS
from api.operators.signals import PATH
from api.voters.responses import see_other
from models.audit import difference, record
from models.limits import BOUNDS, DEFAULTS, NAMES, Limits, fits, read_limits, write_limits

_NO_NUMBER = N_("“%(label)s” phải là một số.")
_OUTSIDE = N_("“%(label)s” phải từ %(least)s đến %(most)s.")
_WHOLE = N_("“%(label)s” phải là số nguyên.")


def signal_limits_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/limits")
    def limits(acting: Annotated[Acting, MODERATOR]) -> Response:
        with console.ledger() as connection:
            now = read_limits(connection)
        return _page(console, acting, {name: spelled(acting, getattr(now, name)) for name in NAMES})

    @router.post(PATH + "/limits")
    def save(acting: Annotated[Acting, MODERATOR]) -> Response:
        if acting.text("restore", limit=10):
            _write(console, acting, DEFAULTS)
            return see_other(PATH + "/limits")
        wanted, faults = _read(acting)
        if wanted is None:
            return _page(console, acting, values_of(acting.form), status=422, faults=faults)
        _write(console, acting, wanted)
        return see_other(PATH + "/limits")

    return router


def _read(acting: Acting) -> tuple[Limits | None, dict[str, str]]:
    """The limits that were typed, or what is wrong with them by field. Both 0.5 and 0,5 are read."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name in NAMES:
        label = acting.say(LIMITS[name].label)
        try:
            value = float(acting.text(name, limit=100).replace(",", "."))
        except ValueError:
            faults[name] = acting.say(_NO_NUMBER, label=label)
            continue
        bounds = BOUNDS[name]
        if fits(name, value):
            values[name] = int(value) if name == "accounts" else value
        elif bounds.whole and bounds.least <= value <= bounds.most:
            faults[name] = acting.say(_WHOLE, label=label)
        else:
            least, most = spelled(acting, bounds.least), spelled(acting, bounds.most)
            faults[name] = acting.say(_OUTSIDE, label=label, least=least, most=most)
    return (None if faults else Limits(**values)), faults


def _write(console: Console, acting: Acting, wanted: Limits) -> None:
    with console.ledger() as connection:
        before, after = difference(asdict(read_limits(connection)), asdict(wanted))
        if after:
            write_limits(connection, wanted)
            record(connection, acting.actor, "limits.change", "limits", before=before, after=after)


def spelled(acting: Acting, value: float) -> str:
    """A number as people of the page's language write it: 0,5 or 0.5."""
    text = f"{value:g}"
    return text.replace(".", ",") if acting.language.code == "vi" else text


def _page(
    console: Console, acting: Acting, values: dict[str, str], *, status: int = 200, faults: dict[str, str] | None = None
) -> Response:
    fields = [(name, LIMITS[name], values.get(name, ""), spelled(acting, getattr(DEFAULTS, name))) for name in NAMES]
    return console.page(acting, "signal_limits.html", status, fields=fields, faults=faults or {})

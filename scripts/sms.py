"""`binhchon sms`: whether codes are sent by SMS; `--off` stops them at once, those that still wait too."""

from contextlib import closing

from models.scratch.connection import scratch_client
from models.scratch.switches import stands_on, throw
from models.settings import Settings


def run(settings: Settings, *, on: bool | None) -> int:
    """Throws the switch, or with None only says how it stands. Exit code 0. Errors: ScratchAway."""
    with closing(scratch_client(settings.require_stack().scratch())) as scratch:
        if on is not None:
            throw(scratch, "sms", on=on)
        stands = "on" if stands_on(scratch, "sms") else "off"
    without = "" if settings.sms_gateway() else "; there is no gateway in the settings (SMS_URL)"
    print(f"SMS are switched {stands}{without}")
    return 0

"""What login looks at again and again, read from scratch once a second: the load, and what there is of SMS."""

import time
from typing import NamedTuple

from models.scratch import codes, room, switches
from models.scratch.connection import AsyncScratchClient, ScratchAway

FRESH_S = 1.0


class Conditions(NamedTuple):
    """`load`: codes that were sent in a minute; `sms`: whether they are switched on; `spent`: share of the hour's SMS
    that was sent, 0 to 1.
    """

    load: int = 0
    sms: bool = True
    spent: float = 0.0
    short: bool = False
    """Scratch is so full that no new login may begin."""


class LatestConditions:
    """As they last were. `sms_per_hour`: 0 where no SMS are sent. It fails open: with scratch away no code is sent
    anyway, and the pages stay.
    """

    def __init__(self, scratch: AsyncScratchClient, sms_per_hour: int) -> None:
        self._scratch = scratch
        self._sms_per_hour = sms_per_hour
        self.last = Conditions()
        self._read_at = float("-inf")

    async def now(self) -> Conditions:
        began = time.monotonic()
        if began - self._read_at >= FRESH_S:
            self._read_at = began  # whoever comes while this is being read takes the last one
            try:
                load = await codes.load(self._scratch, time.time())
                sms = await switches.is_on(self._scratch, "sms")
                spent = load.sms / self._sms_per_hour if sms and self._sms_per_hour else 0.0
                short = (await room.read_room(self._scratch)).is_short
                self.last = Conditions(load.codes, sms, spent, short)
            except ScratchAway:
                self.last = Conditions()
        return self.last

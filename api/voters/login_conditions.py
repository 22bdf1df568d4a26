"""What login looks at again and again, read from scratch once a second: the load, and the switch of the SMS."""

import time
from typing import NamedTuple

from models.scratch import codes, switches
from models.scratch.connection import AsyncScratchClient, ScratchAway

FRESH_S = 1.0


class Conditions(NamedTuple):
    """`load`: codes that were sent in a minute."""

    load: int = 0
    sms: bool = True


class LatestConditions:
    """As they last were. It fails open: with scratch away no code is sent anyway, and the pages stay."""

    def __init__(self, scratch: AsyncScratchClient) -> None:
        self._scratch = scratch
        self.last = Conditions()
        self._read_at = float("-inf")

    async def now(self) -> Conditions:
        began = time.monotonic()
        if began - self._read_at >= FRESH_S:
            self._read_at = began  # whoever comes while this is being read takes the last one
            try:
                load = await codes.load(self._scratch, time.time())
                self.last = Conditions(load, await switches.is_on(self._scratch, "sms"))
            except ScratchAway:
                self.last = Conditions()
        return self.last

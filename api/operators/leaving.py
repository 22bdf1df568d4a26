"""An answer that takes long: it is written for as long as its client is there."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def while_there(writing: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Runs `writing` until it is done or the client has gone; it has ended when this returns, whatever happened."""
    tasks = {asyncio.ensure_future(writing), asyncio.ensure_future(_left(receive))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

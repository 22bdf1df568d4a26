"""Tries at an operator's password or code: five are free, then each that fails shuts the door for twice as long.

| key                       | type      | what                                                                       |
|---------------------------|-----------|----------------------------------------------------------------------------|
| `operator_tries:<digest>` | hash, 1 h | `tries` since the last that was right; `until`: no further one before, ms  |

The digest is keyed, of what is guessed and of whom, a name that nobody has too: neither key nor answer tells names.
Sessions that are in force never ask here, and a browser in which its owner has logged in before is counted apart: who
knows a name keeps its owner from logging in elsewhere at most.
"""

import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

from models.scratch.connection import ScratchClient, scratch_errors
from models.secrets import KeyRing

FREE = 5
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 15 * 60
LIFE_S = 3600

PASSWORD = "password"  # noqa: S105 - what is guessed at login, by name
KNOWN = "known browser"
"""The same from a browser in which the operator has logged in before, by what names that browser."""
CODE = "code"
"""The second factor at login, by the operator's id: asked for after the password alone."""
KNOWN_CODE = "code in a known browser"
"""The same, as KNOWN: who has the password alone keeps its owner out elsewhere at most."""
OWN = "own"
"""The own password in the middle of a session, by the operator's id."""

_TAKE = Path(__file__).with_name("take_try.lua").read_text(encoding="utf-8")


class Try(NamedTuple):
    """`wait_s` above 0: not now; this one was not counted. Else it counts as failed until `clear`; `tries` so far."""

    wait_s: int
    tries: int

    @property
    def shuts(self) -> bool:
        """Whether the door shuts should this try fail."""
        return self.wait_s == 0 and self.tries >= FREE


def take(client: ScratchClient, keys: KeyRing, what: str, who: str, now: float) -> Try:
    """One try of `who` (a name as typed, or an id) at `what`. `now`: seconds since 1970. Errors: ScratchAway."""
    arguments = [int(now * 1000), FREE, FIRST_WAIT_S * 1000, LONGEST_WAIT_S * 1000, LIFE_S * 1000]
    with scratch_errors():
        script: Any = client.register_script(_TAKE)
        wait_ms, tries = script(keys=[_key(keys, what, who)], args=arguments)
    return Try(math.ceil(wait_ms / 1000), tries)


def clear(client: ScratchClient, keys: KeyRing, what: str, who: str) -> None:
    """The try was right, or an admin opens the door. Errors: ScratchAway."""
    with scratch_errors():
        client.delete(_key(keys, what, who))


def waits_s(client: ScratchClient, keys: KeyRing, what: str, who: str, now: float) -> int:
    """Seconds for which the door is shut; 0: it is open. Errors: ScratchAway."""
    with scratch_errors():
        until: Any = client.hget(_key(keys, what, who), "until")
    return max(0, math.ceil(int(until) / 1000 - now)) if until else 0


def _key(keys: KeyRing, what: str, who: str) -> str:
    digest = hashlib.blake2b(f"{what} {who}".encode(), key=keys.derived("operator tries"), digest_size=16)
    return f"operator_tries:{digest.hexdigest()}"

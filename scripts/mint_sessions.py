"""`binhchon mint-sessions`: session tokens for rehearsals, each of an account of its own."""

import asyncio
import os
import secrets
import sys
from pathlib import Path

from api.sessions import Session, Sessions
from models.account import account_of
from models.ballot_box.connection import BoxAway, BoxRefused
from models.ballot_box.reading import Reading
from models.event import Proof
from models.secrets import KeyRing
from models.settings import Settings
from scripts.contest_parts import read_contest

PATIENCE_S = 10.0  # for a contest that is on its way into the box


def run(settings: Settings, count: int, out: Path) -> int:
    """Writes `count` tokens of the current contest to `out` (mode 0600), one a line. Returns the exit code.

    Refuses for a contest without `minted_sessions = true`: its voters prove who they are.
    """
    try:
        reading = asyncio.run(_read(settings))
    except (BoxAway, BoxRefused) as error:
        return _refuse(f"the ballot box cannot be read: {error}")
    if reading is None:
        return _refuse("the ballot box has no such contest; import one first")
    if not reading.site["contest"]["minted_sessions"]:
        return _refuse(f"contest {reading.site['contest']['slug']} does not accept minted sessions")
    keys = settings.keys()
    if reading.key and reading.key != keys.fingerprint():
        return _refuse("the contest was opened with another identity key")
    try:
        _write(out, mint(keys, reading.contest_id, count, reading.box_ms // 1000, settings.session_days))
    except OSError as error:
        return _refuse(f"cannot write {out}: {error.strerror}")
    print(f"{count} session tokens in {out}, good for {settings.session_days} days")
    return 0


def mint(keys: KeyRing, contest_id: int, count: int, now: int, days: int) -> list[str]:
    """`count` tokens of as many new accounts, issued at `now` (seconds since 1970)."""
    sessions, batch = Sessions(keys), secrets.token_hex(8)
    return [
        sessions.mint(
            Session(contest_id, account_of(keys, "minted", f"{batch}:{number}"), Proof.MINTED, now, now + days * 86_400)
        )
        for number in range(count)
    ]


async def _read(settings: Settings) -> Reading | None:
    """The contest as the box has it; one that was imported a moment ago is waited for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (reading := await read_contest(settings)) is None:  # noqa: ASYNC110 - the box announces nothing
                await asyncio.sleep(0.1)
            return reading
    except TimeoutError:
        return None


def _write(out: Path, tokens: list[str]) -> None:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)  # the file may have been there, open to others
        file.writelines(token + "\n" for token in tokens)


def _refuse(why: str) -> int:
    print(f"mint-sessions: {why}", file=sys.stderr)
    return 1

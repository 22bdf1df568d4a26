"""Where the time of a vote in the lane goes: `.venv/bin/python -m loadtests.bench.lane` (one minute).

First the API's process under load, beside the empty ASGI app's: how much of it is the kernel's (reading, writing,
waiting) and how much our own. Then the parts of our own by themselves, one after the other for many voters, without
sockets and box: less than they take between calls of the kernel, but which of them is how large.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from api.casting import voted_body
from api.evidence import Evidence
from api.head import VOTE_LINE, header_fields
from api.sessions import Session, Sessions
from loadtests.bench.beside import running_apps
from loadtests.bench.generator import BenchError, Votes
from loadtests.bench.ledger import wait_until_flushed
from loadtests.bench.stack import running_stack
from models.event import Proof, pack_cast
from models.receipt import Receipts
from models.secrets import KeyRing

VOTERS = 30_000
_ENTRY, _CONTEST = 12, 1
_KEYS = KeyRing("identity", ("a secret of thirty-two letters …",))
_PEER = ("127.0.0.1", 50_000)
_Given = TypeVar("_Given")


@dataclass(frozen=True)
class Spent:
    """Of one process for each answer, in µs; and its answers each second."""

    user: float
    system: float
    per_s: float


def parts() -> dict[str, float]:
    """Part of a vote → µs."""
    sessions, receipts, evidence = Sessions(_KEYS), Receipts(_KEYS, _CONTEST), Evidence(bytes(32), ())
    now = int(time.time())
    heads = [
        b"PUT /api/entries/%d/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\nAccept: */*\r\n"
        b"Content-Length: 0\r\nAuthorization: Bearer %b\r\n\r\n" % (_ENTRY, sessions.mint(_session(now)).encode())
        for _ in range(VOTERS)
    ]
    found = [_fields(head) for head in heads]
    tokens = [fields[b"authorization"][7:] for fields in found]
    spent = {"the head": _each(_fields, heads)}
    spent["the token"] = _each(sessions.read, tokens)
    read = [session for token in tokens if (session := sessions.read(token))]
    spent["the evidence"] = _each(lambda fields: evidence.of(_PEER, fields), found)
    spent["receipt number and event"] = _each(
        lambda session: pack_cast(
            session.account, _ENTRY, receipts.number(session.account, _ENTRY), session.proof, bytes(12)
        ),
        read,
    )
    numbers = [receipts.number(session.account, _ENTRY) for session in read]
    spent["receipt and body of the answer"] = _each(
        lambda number: voted_body((False, _ENTRY, receipts.code(number))), numbers
    )
    return spent


def _session(now: int) -> Session:
    return Session(_CONTEST, secrets.randbits(63), Proof.MINTED, now, now + 3600)


def _fields(head: bytes) -> dict[bytes, bytes]:
    line = VOTE_LINE.match(head)
    fields = header_fields(head[line.end() : -2]) if line else None
    if fields is None:
        raise BenchError("the lane does not read this head")
    return dict(fields)


def _each(function: Callable[[_Given], object], given: Sequence[_Given]) -> float:
    """µs that `function` takes for each of `given`."""
    began = time.perf_counter()
    for one in given:
        function(one)
    return (time.perf_counter() - began) / len(given) * 1e6


def spent_under_load(folder: Path, rounds: int, seconds: int) -> dict[str, list[Spent]]:
    """Process → what it took in each round: the API in the lane, and the empty ASGI app. Errors: BenchError."""
    found: dict[str, list[Spent]] = {"a vote in the lane": [], "an empty ASGI answer": []}
    with running_stack(folder / "stack") as stack, running_apps(folder, stack, ["empty_asgi"]) as ports:
        tokens = folder / "tokens"
        stack.command("mint-sessions", "--count", "250000", "--out", str(tokens))
        votes = {name: Votes(tokens, stack.entries) for name in found}
        served = dict(zip(found, ((stack.port, stack.pids["api"]), (ports["empty_asgi"], _empty_app())), strict=True))
        for number in range(rounds + 1):
            for name, (port, pid) in served.items():
                spent = _loaded(votes[name], port, psutil.Process(pid), seconds if number else 1)
                if number:
                    found[name].append(spent)
                wait_until_flushed(stack)
    return found


def _empty_app() -> int:
    """Process id of the empty app that this process has started."""
    children = psutil.Process().children()
    return next(int(child.pid) for child in children if child.cmdline()[-3:-2] == ["empty_asgi"])


def _loaded(votes: Votes, port: int, process: psutil.Process, seconds: int) -> Spent:
    before = process.cpu_times()
    load = votes.run(port, seconds)
    after = process.cpu_times()
    user, system = after.user - before.user, after.system - before.system
    return Spent(user / load.requests * 1e6, system / load.requests * 1e6, load.per_s)


def main() -> int:
    """Prints both tables. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.lane", description="Where a vote's time goes.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--folder", type=Path, help="where the data goes for the run: a disk, not memory")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        with tempfile.TemporaryDirectory(prefix="lane-", dir=arguments.folder) as folder:
            found = spent_under_load(Path(folder), arguments.rounds, arguments.seconds)
    except BenchError as error:
        console.print(f"lane: {error}")
        return 1
    console.print(f"{'µs of one process, medians':<32}{'our own':>9}{'kernel':>9}{'together':>10}{'each second':>13}")
    for name, rounds in found.items():
        user, system = (median(getattr(one, side) for one in rounds) for side in ("user", "system"))
        per_s = median(one.per_s for one in rounds)
        console.print(f"{name:<32}{user:>9.1f}{system:>9.1f}{user + system:>10.1f}{per_s:>13,.0f}")
    console.print("\nof our own, one after the other and nothing between, µs")
    tried = [parts() for _ in range(arguments.rounds)]
    for name in tried[0]:
        console.print(f"{name:<32}{median(one[name] for one in tried):>9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

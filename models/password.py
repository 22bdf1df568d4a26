"""Operators' passwords: argon2id with the library's own parameters, and what a password must be.

A hash takes about 0.2 s of processor time in four threads, and votes come first: a process does one at a time, in a
thread that gives way to all others, and few wait for their turn. Whoever comes then is told to come back.

Those few are told apart: strangers share PLACES, and no network has more than PLACES_OF_ONE of them; whom the console
knows has places of their own, and waits for the hash of one stranger at most.
"""

import os
import secrets
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

SHORTEST = 12
LONGEST = 200
LEAST_GUESSES = 10**10
"""What zxcvbn calls "very unguessable": beyond what somebody can try who has stolen a slow hash."""
_LOOKED_AT = 72
"""Letters that are judged: what is longer takes the judging long, and is good by these or by none."""
PLACES = 12
"""How many logins of strangers are under way at once in a process."""
PLACES_OF_ONE = 6
"""How many of these one network may have: a flood from one takes nobody else's."""
PLACES_KEPT = 8
"""How many of those whom the console knows."""
_GIVING_WAY = 15  # the priority of the hashing thread: votes have about 28 times its share of a core
_GIVEN_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_BAD = ("matkhau", "password", "passw0rd", "binhchon", "quantri", "admin", "qwerty", "abcdef", "123456", "654321")

T = TypeVar("T")
_hasher = PasswordHasher()
_places: Counter[str] = Counter()
"""Network → its places that are taken; "" for those of whom the console knows."""
_counting = threading.Lock()
_strangers_turn = threading.Lock()
"""Held by the stranger whose password is looked at: the others do not wait in the queue of all."""
_lane = threading.local()


class HashingBusy(Exception):  # noqa: N818 - a state of this process, as its callers speak of it
    """As many logins as may be are under way."""


class Weak(StrEnum):
    """Why a password is not taken."""

    SHORT = "short"
    LONG = "long"
    NAME = "name"
    """The operator's name stands in it."""
    COMMON = "common"
    """Digits alone, little beside what everybody tries first, or found within LEAST_GUESSES by who begins with the
    commonest passwords, names, rows of the keyboard and dates.
    """


def weakness(password: str, name: str) -> Weak | None:
    """What is wrong with a `password` that the operator `name` has chosen; None: nothing."""
    if len(password) < SHORTEST:
        return Weak.SHORT
    if len(password) > LONGEST:
        return Weak.LONG
    small = password.casefold()
    if name.casefold() in small:
        return Weak.NAME
    rest = "".join(letter for letter in small if letter.isalnum())
    for bad in _BAD:
        rest = rest.replace(bad, "")
    few = len(set(small)) < SHORTEST // 2 or len(rest) < SHORTEST // 2
    return Weak.COMMON if few or rest.isdecimal() or _guesses(password, name) < LEAST_GUESSES else None


def _guesses(password: str, name: str) -> int:
    """How many guesses somebody needs who begins with what people choose: lists of the 30,000 commonest passwords, of
    names and words, each with its usual changes (Wheeler 2016, USENIX Security; the library zxcvbn).
    """
    found = zxcvbn(password[:_LOOKED_AT], user_inputs=[name, *_BAD])  # type: ignore[no-untyped-call]
    return int(found["guesses"])


def normal(typed: str) -> str:
    """A password as it is hashed: every letter and blank as typed, in NFC, for a keyboard may type a letter with its
    marks in two ways.
    """
    return unicodedata.normalize("NFC", typed)


def given_password() -> str:
    """A password for somebody's first login: 75 bits in five groups that can be read out."""
    return "-".join("".join(secrets.choice(_GIVEN_LETTERS) for _ in range(3)) for _ in range(5))


@contextmanager
def place(stranger: str = "") -> Iterator[None]:
    """One of the places for logins under way; taken before anything of a login is counted. Errors: HashingBusy.

    `stranger`: the network that somebody unknown comes from; "" for who has a session, or comes with a browser in which
    an operator has logged in before.
    """
    with _counting:
        if _is_full(stranger):
            raise HashingBusy
        _places[stranger] += 1
    _lane.turn = _strangers_turn if stranger else nullcontext()
    try:
        yield
    finally:
        _lane.turn = nullcontext()
        with _counting:
            _places[stranger] -= 1
            if not _places[stranger]:
                del _places[stranger]


def _is_full(stranger: str) -> bool:
    if not stranger:
        return _places[""] >= PLACES_KEPT
    return _places[stranger] >= PLACES_OF_ONE or _places.total() - _places[""] >= PLACES


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _in_turn(lambda: _hasher.hash(normal(password)))


def fits(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one; with None (nobody has this name) False after the same time."""
    return _in_turn(lambda: _fits(password_hash, normal(password)))


def is_outdated(password_hash: str) -> bool:
    """Whether the library's parameters have changed since: the password should be hashed anew."""
    return _hasher.check_needs_rehash(password_hash)


def _fits(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _decoy(), password) and password_hash is not None
    except InvalidHashError:  # an account that no password opens
        return _fits(None, password)
    except VerificationError:
        return False


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


@cache
def _turns() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "argon2", initializer=_give_way)


def _give_way() -> None:
    """Let all others go before this thread and those that argon2 starts: on Linux each has its own priority."""
    own = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, own, max(_GIVING_WAY, os.getpriority(os.PRIO_PROCESS, own)))
    _decoy()  # now, so that the first unknown name does not take longer


def _in_turn(work: Callable[[], T]) -> T:
    turn: AbstractContextManager[object] = getattr(_lane, "turn", nullcontext())
    with turn:
        return _turns().submit(work).result()

"""Operators' passwords: what is taken, and how many are looked at."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from models import password
from models.password import HashingBusy, Weak, fits, given_password, hashed, is_outdated, place, weakness


@pytest.mark.parametrize(
    ("chosen", "wrong"),
    [
        ("ba con mèo", Weak.SHORT),
        ("ba con mèo qua sông", None),
        ("x" * 201, Weak.LONG),
        ("hoa sen LAN.nguyen hồ tây", Weak.NAME),
        ("aaaaaaaaaaaaaaa", Weak.COMMON),
        ("matkhau123456", Weak.COMMON),
        ("Password-Binhchon", Weak.COMMON),
        ("0912 345 678 2026", Weak.COMMON),
        ("123456 123456 1", Weak.COMMON),
    ],
)
def test_what_is_taken(chosen: str, wrong: Weak | None) -> None:
    assert weakness(chosen, "lan.nguyen") == wrong


def test_a_given_password_is_good_enough_and_never_the_same() -> None:
    made = {given_password() for _ in range(100)}
    assert len(made) == 100
    assert {weakness(one, "lan") for one in made} == {None}


def test_it_fits_however_the_keyboard_writes_its_marks() -> None:
    kept = hashed("ba con mèo qua sông")  # composed
    assert kept.startswith("$argon2id$")
    assert fits(kept, "ba con me\u0300o qua so\u0302ng")
    assert not fits(kept, "ba con meo qua song")
    assert not fits("no password fits", "no password fits")
    assert not fits(None, "whatever it is")
    assert not is_outdated(kept)
    assert is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


def test_one_hash_at_a_time_by_a_thread_that_gives_way() -> None:
    """Votes have their threads' full share while somebody floods the login page."""
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    seen = [password._in_turn(lambda: (threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0)))]
    with ThreadPoolExecutor(8) as many:
        asked = [many.submit(password._in_turn, threading.get_native_id) for _ in range(20)]
    thread, priority = seen[0]
    assert {one.result() for one in asked} == {thread}
    assert priority == max(15, own)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_who_finds_no_place_is_told_at_once() -> None:
    held = [place() for _ in range(password.PLACES)]
    for one in held:
        one.__enter__()
    try:
        with pytest.raises(HashingBusy), place():
            pass
    finally:
        for one in held:
            one.__exit__(None, None, None)
    with place():
        pass

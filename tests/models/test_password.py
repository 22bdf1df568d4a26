"""Operators' passwords: what is taken, and how many are looked at."""

import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from models import password
from models.password import SHORTEST, HashingBusy, Weak, fits, given_password, hashed, is_outdated, place, weakness
from tests.servers import wait_for


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
        ("  ba con mèo qua sông  ", None),
        ("iloveyou123456", Weak.COMMON),
        ("1qaz2wsx3edc4rfv", Weak.COMMON),
        ("manchesterunited", Weak.COMMON),
        ("anhyeuem123456789", Weak.COMMON),
        ("Tr0ub4dour&3xyz", Weak.COMMON),
        ("nguyenvanan1990", Weak.COMMON),
        ("Princess-1234567", Weak.COMMON),
        ("trustno1trustno1trustno1", Weak.COMMON),
        ("football2026vn!", Weak.COMMON),
    ],
)
def test_what_is_taken(chosen: str, wrong: Weak | None) -> None:
    assert weakness(chosen, "lan.nguyen") == wrong


def test_the_3000_commonest_of_enough_letters_are_refused() -> None:
    """Of the library's list, the most common first; each as it is, and as people change it to please a rule."""
    ranked = FREQUENCY_LISTS["passwords"]
    tried = [changed for word in ranked[:3000] for changed in (word, f"{word.title()}1!", word * 2, f"{word}123456789")]
    long = [password for password in tried if len(password) >= SHORTEST]
    assert len(long) > 3000
    assert [password for password in long if weakness(password, "lan.nguyen") is not Weak.COMMON] == []


def test_how_long_one_is_looked_at_has_a_bound() -> None:
    began = time.process_time()
    for chosen in ("aA1!" * 50, "qwerty123" * 22, "p@ssw0rd" * 25, "ba con mèo qua sông " * 10):
        weakness(chosen, "lan.nguyen")
    assert time.process_time() - began < 2.0


def test_a_given_password_is_good_enough_and_never_the_same() -> None:
    made = {given_password() for _ in range(100)}
    assert len(made) == 100
    assert {weakness(one, "lan") for one in made} == {None}


def test_it_fits_however_the_keyboard_writes_its_marks() -> None:
    kept = hashed("ba con mèo qua sông")  # composed
    assert kept.startswith("$argon2id$")
    assert fits(kept, "ba con me\u0300o qua so\u0302ng")
    assert not fits(kept, "ba con meo qua song")
    assert not fits(kept, " ba con mèo qua sông"), "a blank is a letter like any other"
    assert fits(hashed(" ba con mèo "), " ba con mèo ")
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


def fill(networks: Iterable[str]) -> ExitStack:
    """Takes a place for each."""
    held = ExitStack()
    for network in networks:
        held.enter_context(place(network))
    return held


def test_who_finds_no_place_is_told_at_once() -> None:
    with fill(f"network {number}" for number in range(password.PLACES)), pytest.raises(HashingBusy), place("another"):
        pass
    with place("another"):
        pass


def test_one_network_has_no_more_than_its_share() -> None:
    with fill(["one"] * password.PLACES_OF_ONE):
        with pytest.raises(HashingBusy), place("one"):
            pass
        with place("another"):
            pass


def test_strangers_and_those_who_are_known_take_no_place_of_each_other() -> None:
    with fill(f"network {number}" for number in range(password.PLACES)), place():
        pass
    with fill([""] * password.PLACES_KEPT):
        with pytest.raises(HashingBusy), place():
            pass
        with place("a stranger"):
            pass


def test_who_is_known_waits_for_one_stranger_at_most() -> None:
    """Ten strangers wait, one of them is looked at: who is known comes next."""
    begun, go_on, order = threading.Event(), threading.Event(), []

    def first() -> None:
        begun.set()
        assert go_on.wait(10)

    def stranger(number: int) -> None:
        with place(f"network {number}"):
            password._in_turn(first if number == 0 else lambda: order.append("stranger"))

    def known() -> None:
        with place():
            password._in_turn(lambda: order.append("known"))

    with ThreadPoolExecutor(12) as many:
        asked = [many.submit(stranger, 0)]
        assert begun.wait(10)
        asked += [many.submit(stranger, number) for number in range(1, 10)]
        wait_for(lambda: sum(password._places.values()) == 10)
        asked.append(many.submit(known))
        wait_for(lambda: password._turns()._work_queue.qsize() == 1)
        go_on.set()
        for one in asked:
            one.result(10)
    assert order.index("known") <= 1

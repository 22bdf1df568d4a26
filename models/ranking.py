"""Places by votes. Equal votes are a tie and share a place; the next place counts them: 1, 2, 2, 4."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class Ranked(NamedTuple):
    """One entry's place."""

    place: int
    entry_id: int
    votes: int
    tied: bool
    """Another entry has the same place."""


def ranking(votes: Mapping[int, int]) -> list[Ranked]:
    """Entry → votes as places, most votes first; ties in the order of entry ids, which says nothing about them."""
    shared = Counter(votes.values())
    order = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    places: dict[int, int] = {}
    for place, (_entry, number) in enumerate(order, start=1):
        places.setdefault(number, place)
    return [Ranked(places[number], entry, number, shared[number] > 1) for entry, number in order]


class Move(NamedTuple):
    """What a change of the count does to one entry."""

    entry_id: int
    votes_before: int
    votes_after: int
    place_before: int
    place_after: int


def effect(before: Mapping[int, int], change: Mapping[int, int]) -> list[Move]:
    """What the ranking `before` (entry → votes) would become with `change` (entry → votes more or fewer), for every
    entry, in the order of its place before. Entries of `change` that are not in `before` count from 0.
    """
    full = {entry: before.get(entry, 0) for entry in {*before, *change}}
    after = {entry: number + change.get(entry, 0) for entry, number in full.items()}
    place_after = {one.entry_id: one.place for one in ranking(after)}
    return [
        Move(one.entry_id, one.votes, after[one.entry_id], one.place, place_after[one.entry_id])
        for one in ranking(full)
    ]

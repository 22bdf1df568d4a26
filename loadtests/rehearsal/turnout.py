"""The turnout that is expected → the load that it is: who comes, when, and how much they ask for."""

import math
from dataclasses import dataclass

from loadtests.rehearsal.shapes import SHAPES, Shape

VOTER, DOUBLE, SHARED, WATCHER, BOT = "VoterFromPush", "DoubleClicker", "SharedLinkVisitor", "ResultWatcher", "Bot"
KINDS = (VOTER, DOUBLE, SHARED, WATCHER, BOT)
ARRIVING = (VOTER, DOUBLE, SHARED)
"""They come once, each at its moment; watchers and bots stay from the beginning to the end."""
DOUBLE_SHARE = 0.05
"""Of those who come to vote: who presses twice."""
SHARED_SHARE = 0.25
"""Visitors by a shared link for each who comes to vote; SHARED_VOTES of them vote, once."""
SHARED_VOTES = 0.4
WATCHERS_SHARE, MOST_WATCHERS = 0.01, 100
BOTS_SHARE, MOST_BOTS = 0.002, 10
LOGINS_SHARE, MOST_LOGINS = 0.01, 12
"""Of the voters: who logs in for real, by a code. Each is half a second of proof of work on this machine."""
VISIT_S = 9.0
"""How long a voter with three votes stays, thinking included, where nothing keeps it waiting."""


class TurnoutError(Exception):
    """A turnout that makes no sense; the text is for people."""


@dataclass(frozen=True)
class Turnout:
    """What organisers expect. `reached`: share of the inhabitants who come to vote, 0 to 1; `minutes`: the time within
    which they come; `votes_each`: at an average, 1 to 5.
    """

    inhabitants: int
    reached: float
    minutes: float
    votes_each: float
    shape: str = "push"

    def __post_init__(self) -> None:
        if self.inhabitants < 1 or not 0 < self.reached <= 1 or not 0.05 <= self.minutes <= 24 * 60:
            raise TurnoutError("inhabitants from 1, reached above 0 to 1, minutes from 0.05 to 1440")
        if not 1 <= self.votes_each <= 5:
            raise TurnoutError("votes each: 1 to 5")
        if self.shape not in SHAPES:
            raise TurnoutError(f"no shape {self.shape}; there are {', '.join(SHAPES)}")


@dataclass(frozen=True)
class Profile:
    """The load. `people`: how many of each kind; `slots`: how many of them at a time, with room to spare."""

    shape: Shape
    people: dict[str, int]
    slots: dict[str, int]
    logins: int
    voters: int
    votes: int
    """About as many; single voters choose by chance."""
    requests: int
    peak_arrivals_per_s: float
    peak_requests_per_s: float
    peak_votes_per_s: float

    @property
    def tokens(self) -> int:
        """Accounts that are needed: everybody who may vote, bots too."""
        return sum(self.people[kind] for kind in (*ARRIVING, BOT))


def profile(turnout: Turnout, *, first_view: int = 4, logins: bool = True) -> Profile:
    """`first_view`: requests of the first page that somebody opens, with its style sheet and scripts; `logins`: whether
    real logins are possible.
    """
    shape = SHAPES[turnout.shape](turnout.minutes * 60)
    voters = max(4, round(turnout.inhabitants * turnout.reached))
    double = max(1, round(voters * DOUBLE_SHARE))
    people = {
        VOTER: voters - double,
        DOUBLE: double,
        SHARED: max(1, round(voters * SHARED_SHARE)),
        WATCHER: min(MOST_WATCHERS, max(2, round(voters * WATCHERS_SHARE))),
        BOT: min(MOST_BOTS, max(2, round(voters * BOTS_SHARE))),
    }
    votes = voters * turnout.votes_each + people[SHARED] * SHARED_VOTES
    each = first_view + 2 + 2 * turnout.votes_each
    requests = voters * each + double * turnout.votes_each + people[SHARED] * (first_view + SHARED_VOTES)
    requests += turnout.minutes * 60 * (people[WATCHER] / 3 + people[BOT] * 2)
    peak = shape.peak()
    return Profile(
        shape,
        people,
        _slots(people, peak, turnout.votes_each),
        min(MOST_LOGINS, max(1, round(voters * LOGINS_SHARE))) if logins else 0,
        voters,
        round(votes),
        round(requests),
        peak * (voters + people[SHARED]),
        peak * requests,
        peak * votes,
    )


def _slots(people: dict[str, int], peak: float, votes_each: float) -> dict[str, int]:
    """How many of each kind there can be at a time (Little's law), with half as many again for slow answers."""
    stay = VISIT_S * (0.4 + 0.2 * votes_each)
    return {
        kind: min(number, math.ceil(number * peak * stay * 1.5) + 4) if kind in ARRIVING else number
        for kind, number in people.items()
    }

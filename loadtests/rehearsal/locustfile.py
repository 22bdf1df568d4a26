"""What Locust is started with, in its master and in each of its workers: see `generators.py`.

Locust replaces parts of Python's standard library in its process (gevent), so nothing else imports this or what it
imports: `visitor.py`, `clicks.py`, `voters.py`, `bots.py`, `logging_in.py`, `world.py`.
"""

from typing import Any

from locust import events

from loadtests.rehearsal.bots import Bot
from loadtests.rehearsal.voters import DoubleClicker, ResultWatcher, SharedLinkVisitor, VoterFromPush
from loadtests.rehearsal.world import WORLD

__all__ = ["Bot", "DoubleClicker", "ResultWatcher", "SharedLinkVisitor", "VoterFromPush"]


@events.init.add_listener
def _begin(**_given: Any) -> None:
    WORLD.begin()


@events.quitting.add_listener
def _end(**_given: Any) -> None:
    if WORLD.journal:
        WORLD.journal.publish()  # not closed: answers may still come

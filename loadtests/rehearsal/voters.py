"""Those who vote or look, by the traffic they imitate."""

from typing import ClassVar

import gevent

from loadtests.rehearsal import turnout
from loadtests.rehearsal.clicks import press
from loadtests.rehearsal.logging_in import log_in
from loadtests.rehearsal.visitor import Visitor
from loadtests.rehearsal.world import CHANCE, WORLD

LIST, RESULTS, ENTRY = "/binh-chon", "/ket-qua", "/bai-du-thi/"
WATCH_S = 3.0


class VoterFromPush(Visitor):
    """Opens the link of the message with an empty browser, browses, logs in, votes for 1 to 5 entries, each on its own
    page, and looks at the result. Presses again where the system asks for it.
    """

    kind: ClassVar[str] = turnout.VOTER

    def visit(self, number: int) -> None:
        self.first_page("/", "/")
        self.think()
        self.ask("page", "GET", LIST)
        account, token = self._session(number)
        for entry in WORLD.choose(_how_many(WORLD.plan.votes_each)):
            self.think()
            self.ask("page", "GET", f"{ENTRY}{entry.slug}", name=f"{ENTRY}[slug]")
            self.think()
            self.vote(account, token, entry.id)
        self.ask("page", "GET", RESULTS)

    def vote(self, account: str, token: str, entry: int) -> None:
        press(self, account, token, entry)

    def _session(self, number: int) -> tuple[str, str]:
        """Account and token; for every so-manieth voter from a real login, for all others a minted one."""
        logins, voters = WORLD.plan.logins, WORLD.plan.people[turnout.VOTER]
        every = voters // logins if logins else 0
        if self.kind == turnout.VOTER and logins and number % every == 0 and number // every < logins:
            token = log_in(self, number)
            WORLD.count("login.done" if token else "login.failed")
            if token:
                return f"login-{number}", token
        return WORLD.token(self.kind, number)


class DoubleClicker(VoterFromPush):
    """A voter who presses twice, at once: two requests on two connections, one vote."""

    kind: ClassVar[str] = turnout.DOUBLE

    def vote(self, account: str, token: str, entry: int) -> None:
        gevent.joinall([gevent.spawn(press, self, account, token, entry) for _ in range(2)], raise_error=True)


class SharedLinkVisitor(Visitor):
    """Comes from a social network straight to one entry, with that network's letters at the end of the address. Most
    read and leave; some vote, for this entry only.
    """

    kind: ClassVar[str] = turnout.SHARED

    def visit(self, number: int) -> None:
        [entry] = WORLD.choose(1)
        self.first_page(f"{ENTRY}{entry.slug}?fbclid={CHANCE.getrandbits(60):x}", f"{ENTRY}[slug]?fbclid=…")
        self.think()
        if CHANCE.random() < turnout.SHARED_VOTES:
            press(self, *WORLD.token(self.kind, number), entry.id)


class ResultWatcher(Visitor):
    """Has the results open and loads them again and again, with the tag of what it has: nearly always nothing new."""

    kind: ClassVar[str] = turnout.WATCHER

    def visit(self, number: int) -> None:
        del number
        self.first_page(RESULTS, RESULTS)
        tag = ""
        while not WORLD.over():
            self.think(WATCH_S)
            headers = {"If-None-Match": tag} if tag else None
            tag = self.ask("api", "GET", "/api/tallies", headers=headers).etag or tag


def _how_many(mean: float) -> int:
    """1 to 5, `mean` at an average."""
    return 1 + sum(CHANCE.random() < (mean - 1) / 4 for _ in range(4))

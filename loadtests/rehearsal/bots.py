"""A script that tries to get in, or to count twice. Each of its tricks must get its refusal."""

from typing import ClassVar

from loadtests.rehearsal import turnout
from loadtests.rehearsal.clicks import press, read_vote
from loadtests.rehearsal.visitor import Answer, Visitor
from loadtests.rehearsal.world import CHANCE, WORLD

PAUSE_S = 0.5
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NO_ENTRY = 2_000_000_000


class Bot(Visitor):
    """Votes once with an account of its own, then replays that vote, and sends tokens that it made up, bent, cut or put
    into a cookie as another website would, votes for an entry that does not exist, guesses codes.
    """

    kind: ClassVar[str] = turnout.BOT

    def visit(self, number: int) -> None:
        account, token = WORLD.token(self.kind, number)
        [entry] = WORLD.choose(1)
        receipt = press(self, account, token, entry.id)
        tricks = [self._made_up, self._bent, self._cut, self._another_site, self._no_entry, self._guess]
        while not WORLD.over():
            if receipt:
                self._replay(account, token, entry.id, receipt)
            CHANCE.choice(tricks)(account, token, entry.id)
            self.think(PAUSE_S)

    def _replay(self, account: str, token: str, entry: int, receipt: str) -> None:
        """The same vote again: the same receipt, and nothing new."""
        answer = self._try(entry, {"Authorization": f"Bearer {token}"}, fine=(200,))
        again, _, voted = read_vote(answer)
        if answer.status == 201 or (again and (again, voted) != (receipt, entry)):
            _let_in(account, entry, "replay")

    def _made_up(self, account: str, token: str, entry: int) -> None:
        self._forged(account, "".join(CHANCE.choices(LETTERS, k=len(token))), entry, "made up")

    def _bent(self, account: str, token: str, entry: int) -> None:
        at = CHANCE.randrange(len(token))
        letter = CHANCE.choice([one for one in LETTERS if one != token[at]])
        self._forged(account, token[:at] + letter + token[at + 1 :], entry, "bent")

    def _cut(self, account: str, token: str, entry: int) -> None:
        self._forged(account, token[: CHANCE.randrange(1, len(token))], entry, "cut")

    def _forged(self, account: str, token: str, entry: int, trick: str) -> None:
        answer = self._try(entry, {"Authorization": f"Bearer {token}"}, fine=(401,))
        _must_be_refused(answer, account, entry, trick)

    def _another_site(self, account: str, token: str, entry: int) -> None:
        """A genuine session in a cookie, sent by a page of another website."""
        cookies = f"session={token}; __Host-session={token}"
        answer = self._try(entry, {"Cookie": cookies, "Sec-Fetch-Site": "cross-site"}, fine=(403,))
        _must_be_refused(answer, account, entry, "another site")

    def _no_entry(self, account: str, token: str, entry: int) -> None:
        del entry
        answer = self._try(NO_ENTRY, {"Authorization": f"Bearer {token}"}, fine=(404,))
        _must_be_refused(answer, account, NO_ENTRY, "no entry")

    def _guess(self, account: str, token: str, entry: int) -> None:
        """A code that nobody was sent."""
        del token
        guess = {"kind": "email", "identity": "ai-do@example.vn", "code": f"{CHANCE.randrange(10**6):06}"}
        own = {"Sec-Fetch-Site": "same-origin"}
        answer = self.ask("bot", "POST", "/api/login", name="(bot) login", headers=own, json=guess, fine=(403, 422))
        _must_be_refused(answer, account, entry, "guessed code")

    def _try(self, entry: int, headers: dict[str, str], fine: tuple[int, ...]) -> Answer:
        return self.ask("bot", "PUT", f"/api/entries/{entry}/vote", name="(bot) vote", headers=headers, fine=fine)


def _must_be_refused(answer: Answer, account: str, entry: int, trick: str) -> None:
    if 200 <= answer.status < 400:
        _let_in(account, entry, trick)


def _let_in(account: str, entry: int, trick: str) -> None:
    if WORLD.journal:
        WORLD.journal.vote(account, entry, f"intrusion:{trick}")

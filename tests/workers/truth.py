"""The ground truth of the signals: made-up voters of whom one knows who is a script, written into the ledger as the
flush does it. With one seed it is always the same.

Honest: people at home and on mobile networks (whose addresses a whole province shares), a school that votes for its own
entry in the breaks and where every second child has the same family name, an office at lunch with its own kind of
computers, families with names alike, and a push message that brings thousands within minutes. Scripted:

    sequence   names counted up at one domain, one device, networks rented by the piece
    rented     one rented network, many devices, many names, a vote each few seconds
    drip       a vote each few minutes for days, from everywhere, with names alike
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from models.account_opening import _NAMES as OPENING_COLUMNS
from models.account_opening import opening_row
from models.database import Engine, transaction
from models.event import AccountOpened, Proof, pack_evidence
from models.ngrams import grams_of
from models.times import milliseconds
from models.vote import COPY_COLUMNS, copy_binary, copy_row

SEED = 20251105
KEY = b"made up for the ground truth"
DAYS = 5
COPY = f"COPY votes ({', '.join(COPY_COLUMNS)}) FROM STDIN (FORMAT binary)"
COPY_OPENINGS = f"COPY account_openings ({OPENING_COLUMNS}) FROM STDIN (FORMAT binary)"

_SURNAMES = [
    *["nguyen"] * 38,
    *["tran"] * 12,
    *["le"] * 10,
    *["pham"] * 7,
    *["hoang"] * 6,
    *["vu", "ngo", "duong", "luong", "dang", "bui", "do", "ho", "ly", "trieu", "nong", "ma", "ha", "dinh", "phan"],
]
_MIDDLES = ["van", "thi", "duc", "minh", "thu", "ngoc", "quang", "huu", "thanh", "xuan", "hong", "kim", "anh", "dinh"]
_GIVENS = [
    "an",
    "anh",
    "bao",
    "binh",
    "chau",
    "chi",
    "cuong",
    "dat",
    "diep",
    "dung",
    "duong",
    "giang",
    "ha",
    "hai",
    "hang",
    "hanh",
    "hieu",
    "hoa",
    "huong",
    "hung",
    "huy",
    "khanh",
    "khoa",
    "lan",
    "linh",
    "long",
    "ly",
    "mai",
    "minh",
    "nam",
    "nga",
    "ngan",
    "nhung",
    "oanh",
    "phuc",
    "phuong",
    "quan",
    "quynh",
    "son",
    "tam",
    "thao",
    "thuy",
    "tien",
    "trang",
    "trung",
    "tu",
    "tuan",
    "tung",
    "tuyet",
    "uyen",
    "van",
    "viet",
    "vinh",
    "vy",
    "xuan",
    "yen",
]
_DOMAINS = [*["gmail.com"] * 88, *["yahoo.com"] * 5, *["outlook.com"] * 3, "icloud.com", "fpt.example", "tnu.example"]


@dataclass(frozen=True)
class Person:
    """One account. `votes`: (entry, ms). `kind`: what it really is."""

    account: int
    kind: str
    name: str
    domain: str
    device: bytes
    address: str
    opened: int
    votes: tuple[tuple[int, int], ...]


class World:
    """Makes people. `entries`: ids, the most liked first; times from `begins` on for DAYS."""

    def __init__(self, entries: list[int], begins: datetime, seed: int = SEED) -> None:
        self.random = random.Random(seed)
        self.entries = entries
        self.liking = list(accumulate(1 / (place + 3) for place in range(len(entries))))
        self.begins = milliseconds(begins)
        self.devices = [self.random.randbytes(8) for _ in range(400)]
        self.having = list(accumulate(1 / (place + 2) for place in range(400)))
        self.carriers = [f"171.{self.random.randrange(256)}.{self.random.randrange(256)}" for _ in range(30)]
        self.homes = [f"14.{self.random.randrange(256)}.{self.random.randrange(256)}" for _ in range(4000)]
        self._account = 10**15

    def device(self) -> bytes:
        return self.random.choices(self.devices, cum_weights=self.having)[0]

    def liked(self) -> int:
        return self.random.choices(self.entries, cum_weights=self.liking)[0]

    def address(self) -> str:
        nets = self.carriers if self.random.random() < 0.6 else self.homes
        return f"{self.random.choice(nets)}.{self.random.randrange(1, 255)}"

    def name(self, surname: str = "") -> str:
        pick = self.random.choice
        parts = [surname or pick(_SURNAMES), pick(_MIDDLES), pick(_GIVENS)]
        if self.random.random() < 0.3:
            parts.pop(1)
        if self.random.random() < 0.3:
            parts.reverse()
        number = pick(["", "", str(self.random.randrange(1960, 2011)), f"{self.random.randrange(100):02d}"])
        return pick(["", "", "."]).join(parts) + number

    def moment(self) -> int:
        """Any time, by day rather than by night (local time is UTC + 7)."""
        while True:
            at = self.random.randrange(DAYS * 86_400_000)
            hour = (at // 3_600_000 + 7) % 24
            if self.random.random() < (0.08 if hour < 6 else 0.5 if hour < 11 or hour > 21 else 1.0):
                return self.begins + at

    def person(self, kind: str, entry: int, at: int, **known: Any) -> Person:
        """`at`: of the login; the vote for `entry` follows as fast as hands are."""
        self._account += 1
        vote = at + round(1000 * self.random.lognormvariate(3, 0.7)) + 2500
        entries = [entry]
        if kind not in SCRIPTS:
            entries += [self.liked() for _ in range(self.random.choice([0, 0, 1, 2]))]
        votes = tuple((one, vote + 25_000 * turn) for turn, one in enumerate(dict.fromkeys(entries)))
        values = {
            "name": known.get("name") or self.name(),
            "domain": self.random.choice(_DOMAINS),
            "device": self.device(),
            "address": self.address(),
        } | {name: value for name, value in known.items() if value}
        return Person(self._account, kind, opened=at, votes=votes, **values)


SCRIPTS = ("sequence", "rented", "drip")
OPENED_MS = 1_500  # a script votes so long after its login, more or less


def honest(world: World, number: int) -> Iterator[Person]:
    """`number` people, about, in the groups above."""
    pick = world.random
    school = f"{pick.choice(world.homes)}.7"
    for _ in range(number * 4 // 100):
        start = world.begins + pick.randrange(DAYS) * 86_400_000 + pick.choice([2, 5, 8]) * 3_600_000
        entry = world.entries[12] if pick.random() < 0.8 else world.liked()
        name = world.name("hoang") if pick.random() < 0.5 else ""
        yield world.person("school", entry, start + pick.randrange(1_200_000), address=school, name=name)
    office, own = f"{pick.choice(world.homes)}.9", world.devices[6]
    for _ in range(max(60, number // 300)):
        at = world.begins + 2 * 86_400_000 + 5 * 3_600_000 + pick.randrange(1_200_000)
        device = own if pick.random() < 0.7 else None
        yield world.person("office", world.entries[9], at, address=office, device=device)
    for _ in range(number // 300):
        entry, address, surname, at = world.liked(), world.address(), world.name(), world.moment()
        for member in range(6):
            name = surname[:9] + str(pick.randrange(1960, 2011))
            yield world.person("family", entry, at + member * 90_000, address=address, name=name)
    nat = f"{world.carriers[0]}.1"
    for _ in range(number * 15 // 100):
        yield world.person("carrier", world.liked(), world.moment(), address=nat)
    for _ in range(number // 4):
        at = world.begins + 3 * 86_400_000 + 12 * 3_600_000 + round(pick.expovariate(1 / 240_000))
        yield world.person("push", world.liked(), at)
    for _ in range(
        number - number * 4 // 100 - number // 50 - number * 15 // 100 - number // 4 - max(60, number // 300)
    ):
        yield world.person("people", world.liked(), world.moment())


def scripted(world: World, number: int) -> Iterator[Person]:
    """`number` accounts, in three equal kinds."""
    pick, third = world.random, number // 3
    device, rented = pick.randbytes(8), "45.76.12"
    begin = world.begins + 86_400_000
    for at in range(third):
        yield _fast(
            world,
            "sequence",
            world.entries[5],
            begin + round(at * 40_000 * pick.uniform(0.1, 2)),
            name=f"trandinhphong{at:04d}",
            domain="hopthu.example",
            device=device,
        )
    for at in range(third):
        moment = begin + at * 20_000 + pick.randrange(-1500, 1500)
        yield _fast(world, "rented", world.entries[7], moment, address=f"{rented}.{pick.randrange(1, 255)}")
    step = (DAYS - 1) * 86_400_000 // third
    for at in range(number - 2 * third):
        moment = world.begins + round((at + pick.uniform(-0.15, 0.15)) * step) + step
        name = f"lethithuyduong{pick.choice(_GIVENS)}{pick.randrange(100):02d}"
        yield _fast(world, "drip", world.entries[10], moment, name=name)


def _fast(world: World, kind: str, entry: int, at: int, **known: Any) -> Person:
    person = world.person(kind, entry, at, **known)
    return Person(**(vars(person) | {"votes": ((entry, at + OPENED_MS + world.random.randrange(300)),)}))


def write(engine: Engine, contest_id: int, people: list[Person]) -> int:
    """Puts openings and votes into the ledger, with tallies, in the order of their times. Returns how many votes."""
    openings, rows, tallies = [], [], Counter[int]()
    for place, person in enumerate(sorted(people, key=lambda person: person.opened)):
        grams = grams_of(KEY, person.name)
        hint = f"{person.name[0]}•••@{person.domain}"
        opened = AccountOpened(person.account, Proof.EMAIL, hint, person.domain, grams, ())
        openings.append(opening_row(contest_id, 0, (person.opened, place), person.opened, opened))
        tallies.update(entry for entry, _at in person.votes)
    cast = [(at, entry, person) for person in people for entry, at in person.votes]
    votes = sorted(cast, key=lambda vote: vote[0])
    for place, (at, entry, person) in enumerate(votes):
        evidence = pack_evidence(person.address, person.device)
        rows.append(copy_row(person.account, at, at, place, entry, place, 0, Proof.EMAIL, evidence))
    with transaction(engine) as connection:
        for start in range(0, len(openings), 20_000):
            copy_binary(connection, COPY_OPENINGS, openings[start : start + 20_000])
        for start in range(0, len(rows), 20_000):
            copy_binary(connection, COPY, rows[start : start + 20_000])
        for entry, number in tallies.items():
            connection.exec_driver_sql(
                "INSERT INTO tallies (contest_id, shard, entry_id, votes) VALUES (%s, 0, %s, %s)"
                " ON CONFLICT (contest_id, shard, entry_id) DO UPDATE SET votes = tallies.votes + excluded.votes",
                (contest_id, entry, number),
            )
    return len(rows)


def begin(now: datetime) -> datetime:
    """When the votes begin, so that all lie within the days before `now`."""
    return now - timedelta(days=DAYS, hours=6)

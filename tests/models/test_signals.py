"""The signals one by one, each by votes that show it and by votes that only seem to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection

from models.database import transaction, worker_engine
from models.event import Proof
from models.limits import Limits
from models.network import Network, parse_network
from models.ngrams import grams_of
from models.signals.gathering import gather
from models.signals.kinds import Signal
from models.signals.names import find_names
from models.signals.rhythm import find_disposable, find_rhythm
from models.signals.shares import find_shares, flag
from models.signals.suspects import find_suspects, together

AT = datetime(2026, 1, 10, 3, tzinfo=UTC)
LIMITS = Limits()
RARE, COMMON = b"rare-one", b"common-1"
_accounts = count(1)


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with transaction(worker_engine(database)) as opened:
        opened.exec_driver_sql(
            "INSERT INTO contests (id, slug, title, texts, opens_at, closes_at, key_fingerprint)"
            " VALUES (1, 'a', '', '{}', '2026-01-01', '2026-02-01', '');"
            "INSERT INTO categories (id, contest_id, slug, title, position) VALUES (1, 1, 'a', '', 1);"
            "INSERT INTO entries (id, contest_id, slug, title, category_id, position)"
            " SELECT n, 1, n, '', 1, n FROM generate_series(1, 4) n"
        )
        yield opened


def vote(
    connection: Connection,
    entry: int,
    *,
    at: datetime = AT,
    opened: datetime | None = None,
    device: bytes = COMMON,
    network: bytes = b"\x0a\x00\x00",
    name: str = "",
    domain: str = "gmail.com",
) -> int:
    account = next(_accounts)
    ms = int(at.timestamp() * 1000)
    connection.exec_driver_sql(
        "INSERT INTO votes (account_id, entry_id, receipt, shard, cast_at, log_ms, log_seq, proof, evidence)"
        " VALUES (%s, %s, 0, 0, %s, %s, %s, %s, %s)",
        (account, entry, at, ms, account, Proof.EMAIL, device + network + b"\x07"),
    )
    connection.exec_driver_sql(
        "INSERT INTO account_openings (account_id, opened_at, log_ms, contest_id, log_seq, shard, proof, hint, domain,"
        " grams, agreed) VALUES (%s, %s, %s, 1, %s, 0, 1, 'a', %s, %s, '{}')",
        (account, opened or at - timedelta(seconds=40), ms, account, domain, list(grams_of(b"k", name))),
    )
    return account


def crowd(connection: Connection, number: int = 400, **more: Any) -> None:
    """Votes for all entries alike, over two days, from everywhere."""
    for at in range(number):
        moment = AT + timedelta(minutes=7 * at, seconds=(at * 7919) % 400)
        vote(connection, at % 4 + 1, **({"at": moment, "network": bytes((20, at // 250, at % 250))} | more))


def seen(connection: Connection, **options: Any) -> int:
    return gather(connection, 1, options.pop("since", None), options.pop("honest", ()), **options)


def groups(connection: Connection, signal: Signal) -> list[tuple[int, int]]:
    rows = connection.exec_driver_sql(
        "SELECT entry_id, CAST(observed AS integer) FROM groups WHERE signal = %s ORDER BY 1, 2", (str(signal),)
    )
    return [tuple(row) for row in rows]


def flagged(connection: Connection, signal: Signal) -> set[int]:
    query = "SELECT account_id FROM flags WHERE signal = %s"
    return set(connection.exec_driver_sql(query, (str(signal),)).scalars())


def shares(connection: Connection, *signals: Signal, limits: Limits = LIMITS) -> None:
    for signal in signals:
        find_shares(connection, signal, limits)
        flag(connection, signal, limits)


def test_a_device_that_stands_behind_one_entry_only(connection: Connection) -> None:
    crowd(connection)
    scripts = {vote(connection, 2, device=RARE) for _ in range(25)}
    seen(connection)
    shares(connection, Signal.DEVICE)
    assert groups(connection, Signal.DEVICE) == [(2, 25)]
    assert flagged(connection, Signal.DEVICE) == scripts


def test_a_device_that_everybody_has_is_no_signal_and_few_accounts_are_none(connection: Connection) -> None:
    crowd(connection)
    crowd(connection, device=RARE)
    for _ in range(19):
        vote(connection, 2, device=b"few-only")
    seen(connection)
    shares(connection, Signal.DEVICE)
    assert groups(connection, Signal.DEVICE) == []


def test_a_large_network_is_no_signal_until_its_votes_go_to_one_entry(connection: Connection) -> None:
    crowd(connection)
    crowd(connection, network=b"\xab\x01\x01")  # a carrier
    for _ in range(40):
        vote(connection, 3, network=b"\x2d\x4c\x0c")
    seen(connection)
    shares(connection, Signal.NETWORK)
    assert groups(connection, Signal.NETWORK) == [(3, 40)]


def test_an_ipv6_network_is_its_first_48_bits(connection: Connection) -> None:
    crowd(connection)
    for at in range(30):
        vote(connection, 3, network=b"\x20\x01\x0d\xb8\x00\x01" + bytes((at,) * 9))
    seen(connection)
    shares(connection, Signal.NETWORK)
    assert groups(connection, Signal.NETWORK) == [(3, 30)]


def test_a_wave_after_a_push_message_is_no_signal_one_for_one_entry_is(connection: Connection) -> None:
    crowd(connection)
    push = AT + timedelta(days=3)
    for at in range(400):
        vote(connection, at % 4 + 1, at=push + timedelta(seconds=at))
    bought = AT + timedelta(days=4)
    for at in range(60):
        vote(connection, 4, at=bought + timedelta(seconds=at))
    seen(connection)
    shares(connection, Signal.BURST)
    found = groups(connection, Signal.BURST)
    assert ({entry for entry, _ in found}, sum(number for _, number in found)) == ({4}, 60)


def test_names_alike_beyond_their_family_name(connection: Connection) -> None:
    pool = ["nguyenvanhung", "tranthimai", "lequangminh", "phamthuha", "hoangductrung", "vuminhson", "dothilan"]
    for at in range(420):
        vote(connection, at % 4 + 1, name=f"{pool[at % 7]}{1960 + at % 50}")
    scripts = {vote(connection, 1, name=f"bichphuongtk{at:03d}") for at in range(60)}
    village = {vote(connection, 3, name=f"nong{pool[at % 7][4:]}{at}") for at in range(60)}
    seen(connection)
    assert find_names(connection, LIMITS) == 1
    assert flagged(connection, Signal.NAMES) >= scripts
    assert not flagged(connection, Signal.NAMES) & village


def test_even_gaps_inside_a_group_are_a_machine_s(connection: Connection) -> None:
    crowd(connection)
    machine = {vote(connection, 2, device=RARE, at=AT + timedelta(seconds=30 * at)) for at in range(40)}
    for at in range(40):
        vote(connection, 3, device=b"by-hand!", at=AT + timedelta(seconds=5 * at * at))
    seen(connection)
    shares(connection, Signal.DEVICE)
    assert groups(connection, Signal.DEVICE) == [(2, 40), (3, 40)]
    find_rhythm(connection, LIMITS)
    assert flagged(connection, Signal.RHYTHM) == machine


def test_faster_after_login_than_hands(connection: Connection) -> None:
    crowd(connection)
    hasty = {vote(connection, 2, opened=AT - timedelta(milliseconds=400)) for _ in range(25)}
    seen(connection)
    find_rhythm(connection, LIMITS)
    assert flagged(connection, Signal.RHYTHM) == hasty


def test_throw_away_mail(connection: Connection) -> None:
    crowd(connection)
    bad = {vote(connection, 2, domain="mailinator.com") for _ in range(25)}
    seen(connection)
    find_disposable(connection, LIMITS, lambda domain: domain == "mailinator.com")
    assert flagged(connection, Signal.DOMAIN) == bad


def test_votes_from_an_honest_network_show_neither_network_nor_device_nor_burst(connection: Connection) -> None:
    crowd(connection)
    for _ in range(40):
        vote(connection, 3, network=b"\x2d\x4c\x0c", device=RARE)
    honest: list[Network] = [ip_network(parse_network("45.76.12.0/25"))]
    seen(connection, honest=honest)
    shares(connection, Signal.NETWORK, Signal.DEVICE, Signal.BURST)
    assert [groups(connection, signal) for signal in (Signal.NETWORK, Signal.DEVICE, Signal.BURST)] == [[], [], []]


def test_only_the_window_is_seen_and_voided_votes_too(connection: Connection) -> None:
    crowd(connection, 40)
    vote(connection, 1, at=AT - timedelta(days=9))
    connection.exec_driver_sql("UPDATE votes SET voided_at = now() WHERE entry_id = 2")
    assert seen(connection, since=AT - timedelta(days=1)) == 40


def test_a_class_that_votes_together_is_no_cluster_and_a_script_is(connection: Connection) -> None:
    """Network, burst and device agree for both: an office has computers of one kind. Even steps it has not."""
    crowd(connection)
    noon = AT + timedelta(days=5)
    for at in range(60):
        vote(connection, 3, network=b"\x2d\x4c\x0c", at=noon + timedelta(seconds=at * at // 8), device=b"office!!")
    script = {
        vote(connection, 4, network=b"\x2d\x4c\x0d", at=noon + timedelta(hours=3, seconds=9 * at), device=RARE)
        for at in range(60)
    }
    seen(connection)
    shares(connection, Signal.NETWORK, Signal.BURST, Signal.DEVICE)
    assert groups(connection, Signal.NETWORK) == [(3, 60), (4, 60)]
    assert {entry for entry, _ in groups(connection, Signal.BURST)} == {3, 4}
    assert groups(connection, Signal.DEVICE) == [(3, 60), (4, 60)]
    find_rhythm(connection, LIMITS)
    find_suspects(connection, LIMITS)
    found = connection.exec_driver_sql("SELECT account_id FROM found WHERE NOT alone").scalars()
    assert set(found) == script


def test_one_signal_alone_is_kept_apart_and_weak(connection: Connection) -> None:
    crowd(connection)
    for at in range(60):
        vote(connection, 2, device=RARE, at=AT + timedelta(seconds=at * at * 7), network=bytes((99, 1, at)))
    seen(connection)
    shares(connection, Signal.DEVICE)
    find_suspects(connection, LIMITS)
    rows = connection.exec_driver_sql("SELECT alone, count(*), max(strength) FROM found GROUP BY alone").all()
    assert [(alone, number) for alone, number, _ in rows] == [(True, 60)]
    assert rows[0][2] <= 0.3


def test_groups_that_share_half_of_the_smaller_belong_together() -> None:
    sizes = [(1, "device", 100), (2, "network", 40), (3, "names", 50), (4, "burst", 90)]
    found = together(sizes, [(1, 2, 20), (1, 3, 24)])
    component = {group: one for group, one, _ in found}
    assert component[1] == component[2]
    assert len({component[1], component[3], component[4]}) == 3
    assert {group: weight for group, _, weight in found} == {1: 100, 2: 40, 3: 50, 4: 0}

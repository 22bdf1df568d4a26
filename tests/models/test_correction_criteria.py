"""Which votes fulfil the criteria of a correction."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from models.audit import Actor
from models.correction import Proposal, find_correction, propose
from models.correction_criteria import Criteria, without_evidence
from models.correction_votes import freeze
from models.database import Connection, transaction, worker_engine
from models.event import Proof, pack_evidence
from models.operator import Role

DEVICE, OTHER_DEVICE = bytes(range(8)), bytes(8)
DAY = datetime(2026, 11, 20, tzinfo=UTC)
NOON = DAY.replace(hour=12)

# account, entry, moment, proof, evidence, more columns
VOTES: list[tuple[int, int, datetime | None, Proof | None, bytes | None, str]] = [
    (1, 1, DAY, Proof.EMAIL, pack_evidence("203.0.113.7", DEVICE), ""),
    (2, 1, NOON, Proof.SMS, pack_evidence("203.0.113.255", DEVICE), ""),
    (3, 2, NOON, Proof.OIDC, pack_evidence("203.0.114.0", OTHER_DEVICE), ""),
    (4, 2, DAY, Proof.MINTED, pack_evidence("2001:db8::5", OTHER_DEVICE), ""),
    (5, 2, None, None, None, "recovered"),
    (6, 1, DAY, Proof.EMAIL, pack_evidence("203.0.113.7", DEVICE), "voided"),
    (7, 3, DAY, Proof.EMAIL, pack_evidence("203.0.113.7", DEVICE), ""),  # of another contest
]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with transaction(worker_engine(database)) as opened:
        opened.exec_driver_sql(
            "INSERT INTO contests (id, slug, title, texts, opens_at, closes_at, key_fingerprint) SELECT n, n, '', '{}',"
            " now(), now() + interval '1 day', '' FROM generate_series(1, 2) n;"
            "INSERT INTO categories (id, contest_id, slug, title, position) SELECT n, n, 'a', '', 1"
            " FROM generate_series(1, 2) n;"
            "INSERT INTO entries (id, contest_id, slug, title, category_id, position)"
            " SELECT n, CASE n WHEN 3 THEN 2 ELSE 1 END, n, '', CASE n WHEN 3 THEN 2 ELSE 1 END, n"
            " FROM generate_series(1, 3) n;"
            "INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted)"
            " VALUES (1, 1, '{}', 1, 2, 2);"
            "INSERT INTO cluster_accounts (cluster_id, account_id, strength) VALUES (1, 1, 1), (1, 3, 1)"
        )
        for account, entry, moment, proof, evidence, more in VOTES:
            opened.execute(
                text(
                    "INSERT INTO votes (account_id, entry_id, receipt, shard, cast_at, proof, evidence, recovered_at,"
                    " voided_at) VALUES (:account, :entry, :receipt, 0, :at, :proof, :evidence,"
                    " CASE WHEN :more = 'recovered' THEN now() END, CASE WHEN :more = 'voided' THEN now() END)"
                ),
                {
                    "account": account,
                    "entry": entry,
                    "receipt": 100 + account,
                    "at": moment,
                    "proof": proof,
                    "evidence": evidence,
                    "more": more,
                },
            )
        yield opened


def found(connection: Connection, criteria: Criteria, action: str = "void", undoes: int | None = None) -> list[int]:
    made = Proposal(action, criteria.stored(), "vì", undoes=undoes)
    correction_id = propose(connection, 1, made, Actor("lan"), Role.MODERATOR)
    correction = find_correction(connection, correction_id)
    assert correction is not None
    assert freeze(connection, correction, criteria) == freeze(connection, correction, criteria)
    rows = connection.execute(
        text("SELECT account_id FROM correction_votes WHERE correction_id = :id ORDER BY account_id"),
        {"id": correction_id},
    )
    return list(rows.scalars())


@pytest.mark.parametrize(
    ("criteria", "accounts"),
    [
        ({"cluster": 1}, [1]),  # account 3 voted for another entry than the one that the cluster is about
        ({"cluster": 2}, []),
        ({"accounts": [1, 5, 6, 7, 99]}, [1, 5]),
        ({"receipts": [103, 106]}, [3]),
        ({"entries": [2]}, [3, 4, 5]),
        ({"entries": [3]}, []),
        ({"cast_from": NOON}, [2, 3]),
        ({"cast_until": NOON}, [1, 4]),
        ({"cast_from": DAY, "cast_until": NOON}, [1, 4]),
        ({"proofs": [Proof.EMAIL, Proof.SMS]}, [1, 2]),
        ({"device": DEVICE.hex()}, [1, 2]),
        ({"device": DEVICE.hex(), "network": "203.0.113.0/24"}, [1, 2]),
        ({"device": DEVICE.hex(), "network": "203.0.113.0/25"}, [1]),
        ({"cast_from": DAY, "network": "203.0.113.0/24"}, [1, 2]),
        ({"cast_from": DAY, "network": "203.0.112.0/22"}, [1, 2, 3]),
        ({"cast_from": DAY, "network": "2001:db8::/32"}, [4]),
        ({"recovered": True}, [5]),
        ({"minted": True}, [4]),
        ({"cluster": 1, "entries": [1]}, [1]),
        ({}, []),
    ],
)
def test_each_criterion(connection: Connection, criteria: dict[str, Any], accounts: list[int]) -> None:
    assert found(connection, Criteria(**criteria)) == accounts


def test_a_restore_is_about_voided_votes(connection: Connection) -> None:
    assert found(connection, Criteria(accounts=[1, 6]), "restore") == [6]


def test_criteria_are_stored_and_read_again(connection: Connection) -> None:
    given = Criteria(
        cluster=1, accounts=[2**62 + 1], cast_from=NOON, proofs=[Proof.SMS], device=DEVICE.hex(), network="10.0.0.0/8"
    )
    assert Criteria.model_validate(given.stored()) == given
    assert given.stored()["accounts"] == [str(2**62 + 1)]
    assert "entries" not in given.stored()


def test_the_audit_log_is_told_of_evidence_only_that_it_was_given() -> None:
    given = Criteria(accounts=[1], device=DEVICE.hex(), network="203.0.113.7/32")
    assert without_evidence(given.stored()) == {"accounts": ["1"], "device": True, "network": True}


def test_half_erased_criteria_mean_no_vote(connection: Connection) -> None:
    """What is left of them is wider than what was approved."""
    assert found(connection, Criteria(entries=[1, 2], cast_from=DAY)) == [1, 2, 3, 4]
    assert found(connection, Criteria(entries=[1, 2], cast_from=DAY, erased=["network"])) == []


@pytest.mark.parametrize(
    ("criteria", "alone"),
    [
        ({}, True),
        ({"entries": [1]}, True),
        ({"proofs": [Proof.SMS]}, True),
        ({"device": DEVICE.hex()}, False),
        ({"cast_until": NOON}, False),
        ({"cluster": 1}, False),
    ],
)
def test_a_network_never_stands_alone(criteria: dict[str, Any], alone: bool) -> None:
    assert Criteria(network="203.0.113.0/24", **criteria).network_alone is alone
    assert not Criteria(**criteria).network_alone


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "203.0.113"},
        {"network": "0.0.0.0/0"},
        {"network": "::/0"},
        {"device": "abc"},
        {"device": "ab"},
        {"accounts": [-1]},
        {"accounts": [2**63]},
        {"entries": [0]},
        {"receipts": [2**60]},
        {"proofs": [9]},
        {"accounts": list(range(5_001))},
        {"unknown": 1},
    ],
)
def test_what_is_no_criterion_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Criteria.model_validate(wrong)
